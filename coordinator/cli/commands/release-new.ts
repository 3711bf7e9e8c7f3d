import { join } from "node:path";
import { z } from "zod";
import type { Provenance } from "../../../shared/model/provenance.ts";
import { releaseFolder } from "../../releases/release-store.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { readConfig } from "../package-repository.ts";
import { chooseStaged, digestStart, folderOptions, releaseStores, storesShape } from "../release-choice.ts";
import { noteReleased, releaseStaged } from "../releasing.ts";
import type { Terminal } from "../terminal.ts";

const schema = z.object({
  ...storesShape,
  run: z.string(),
  package: z.string().optional(),
  version: z.string().optional(),
  image: z.string().optional(),
  digest: digestStart.optional(),
  to: z.string("must name a release store"),
  stagingDir: z.string().min(1).optional(),
  update: z.boolean().default(false),
  nonInteractive: z.boolean().default(false),
  quiet: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** `millrace release new`: all of it or nothing. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const { to, update, nonInteractive } = input;
  const config = await readConfig(input, context);
  const folder = releaseFolder(releaseStores(input.releasesDir, config), to);
  const { run, artifacts } = await chooseStaged(input, config);
  const how = { to, folder, folderOptions: folderOptions(input), run, update, nonInteractive };
  const released = await releaseStaged(artifacts, how, context);
  if (released === undefined) {
    terminal.note("nothing was released");
    return exitCode.checkFailed;
  }
  if (input.json) await printJson(terminal, released);
  else if (!input.quiet) await printPaths(released, folder, terminal);
  if (!input.quiet) noteReleased(terminal, to, { released: released.length, chosen: artifacts.length });
  return exitCode.succeeded;
});

async function printPaths(
  released: readonly Provenance[],
  folder: string,
  terminal: Terminal,
): Promise<void> {
  for (const { files } of released) for (const { path } of files) await terminal.print(join(folder, path));
}
