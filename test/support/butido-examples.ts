/** butido's own example repository, which is not part of this one: tests that need it are skipped without it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const root =
  process.env.MILLRACE_BUTIDO_EXAMPLES ??
  join(import.meta.dirname, "../../../shared/corpora/butido-examples");

/** Its folder, with `repo` and `sources` in it; undefined where it is absent. */
export const butidoExamples: string | undefined = existsSync(join(root, "repo")) ? root : undefined;
