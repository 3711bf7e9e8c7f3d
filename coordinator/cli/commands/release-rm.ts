import { z } from "zod";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Provenance } from "../../../shared/model/provenance.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { releaseFolder } from "../../releases/release-store.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { readConfig } from "../package-repository.ts";
import { confirm } from "../question.ts";
import { digestStart, releaseStores, storesShape } from "../release-choice.ts";
import { withStore } from "../store-lock.ts";

const schema = z.object({
  ...storesShape,
  package: z.string(),
  version: z.string(),
  from: z.string("must name a release store"),
  digest: digestStart.optional(),
  nonInteractive: z.boolean().default(false),
});

/** `millrace release rm`: one artifact; which one must be clear. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal, interruption } = context;
  const config = await readConfig(input, context);
  const folder = releaseFolder(releaseStores(input.releasesDir, config), input.from);
  return await withStore(folder, async (store) => {
    const released = [...store.artifacts()].map((provenance) => ({ ...provenance.package, provenance }));
    const version = `=${input.version.replace(/^=/, "")}`;
    const named = choosePackages(released, { name: input.package, version });
    const provenance = oneOf(
      named.map((item) => item.provenance),
      input.digest ?? "",
    );
    const title = `${input.package} ${provenance.package.version} (${provenance.artifact.digest})`;
    const paths = provenance.files.map(({ path }) => path).join(", ");
    if (!input.nonInteractive) {
      const isAgreed = await confirm(`Remove ${title} from ${input.from}: ${paths}?`, interruption);
      if (!isAgreed) {
        terminal.note("nothing was removed");
        return exitCode.checkFailed;
      }
    }
    await store.remove(provenance);
    terminal.note(`removed ${title} from ${input.from}: ${paths}`);
    return exitCode.succeeded;
  });
});

function oneOf(released: readonly Provenance[], digest: string): Provenance {
  const matching = released.filter(({ artifact }) => artifact.digest.startsWith(digest));
  const [first] = matching;
  if (first !== undefined && matching.length === 1) return first;
  const listed = released.map(
    ({ artifact, release }) => `${artifact.digest.slice(0, 12)} of ${release?.at ?? "an unknown time"}`,
  );
  const message =
    first === undefined ? "no artifact has this digest" : `there are ${matching.length} artifacts of it`;
  throw new MillraceError(first === undefined ? "notFound" : "badInput", `${message}: ${listed.join(", ")}`, {
    fix: "Name one with --digest.",
  });
}
