import { join } from "node:path";
import { z } from "zod";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Provenance } from "../../../shared/model/provenance.ts";
import { carryOutRelease, planRelease, type ReleaseStep } from "../../releases/release.ts";
import { releaseFolder } from "../../releases/release-store.ts";
import { describeConflict } from "../../releases/store-conflict.ts";
import type { CommandContext } from "../command-context.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { readConfig } from "../package-repository.ts";
import { confirm } from "../question.ts";
import { chooseStaged, releaseStores, storesShape } from "../release-choice.ts";
import { withStore } from "../store-lock.ts";
import type { Terminal } from "../terminal.ts";

const schema = z.object({
  ...storesShape,
  run: z.string(),
  package: z.string().optional(),
  version: z.string().optional(),
  image: z.string().optional(),
  to: z.string("must name a release store"),
  stagingDir: z.string().min(1).optional(),
  update: z.boolean().default(false),
  nonInteractive: z.boolean().default(false),
  quiet: z.boolean().default(false),
  json: z.boolean().default(false),
});
type Input = z.output<typeof schema>;

/** `millrace release new`: all of it or nothing. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const config = await readConfig(input, context);
  const folder = releaseFolder(releaseStores(input.releasesDir, config), input.to);
  const { run, artifacts } = await chooseStaged(input, config);
  const released = await withStore(folder, async (store) => {
    const steps = await planRelease(artifacts, store);
    refuseWhatCannotBe(steps, input.to);
    if (!(await mayReplace(steps, input, context))) return undefined;
    const release = { store: input.to, run, at: new Date().toISOString() };
    return await carryOutRelease(steps, store, release);
  });
  if (released === undefined) {
    terminal.note("nothing was released");
    return exitCode.checkFailed;
  }
  if (input.json) await printJson(terminal, released);
  else if (!input.quiet) await printPaths(released, folder, terminal);
  const present = artifacts.length - released.length;
  if (!input.quiet) {
    const there =
      present === 0 ? "" : `; ${countOf(present)} ${present === 1 ? "was" : "were"} there already`;
    terminal.note(`released ${countOf(released.length)} to ${input.to}${there}`);
  }
  return exitCode.succeeded;
});

async function printPaths(
  released: readonly Provenance[],
  folder: string,
  terminal: Terminal,
): Promise<void> {
  for (const { files } of released) for (const { path } of files) await terminal.print(join(folder, path));
}

function refuseWhatCannotBe(steps: readonly ReleaseStep[], store: string): void {
  const refused = steps.flatMap((step) =>
    step.kind === "refused" ? [`${titleOf(step)}: ${step.reason}`] : [],
  );
  if (refused.length === 0) return;
  throw new MillraceError("conflict", `not everything can be released to ${store}: ${refused.join("; ")}`, {
    fix: "Nothing was released. Choose packages by name, or by --image.",
  });
}

/** Whether nothing has to be replaced, or it was asked for and, where somebody can be asked, agreed to. */
async function mayReplace(
  steps: readonly ReleaseStep[],
  input: Input,
  { terminal, interruption }: CommandContext,
): Promise<boolean> {
  const updates = steps.flatMap((step) => (step.kind === "update" ? [step] : []));
  if (updates.length === 0) return true;
  const lines = updates.map((step) => `${titleOf(step)}: ${step.replacing.map(describeConflict).join(", ")}`);
  if (!input.update) {
    throw new MillraceError("conflict", `there are other files in ${input.to}: ${lines.join("; ")}`, {
      fix: "Replace them with --update. Nothing was released.",
    });
  }
  if (input.nonInteractive) return true;
  for (const line of lines) terminal.note(line);
  return await confirm(`Replace the files of ${countOf(updates.length)} in ${input.to}?`, interruption);
}

function titleOf({ staged: { provenance } }: ReleaseStep): string {
  return `${provenance.package.name} ${provenance.package.version}`;
}

function countOf(count: number): string {
  return `${count} artifact${count === 1 ? "" : "s"}`;
}
