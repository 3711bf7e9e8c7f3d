/** Takes staged artifacts into a release store, all or nothing, as `release new` and a build that releases do. */
import { MillraceError } from "../../shared/model/error.ts";
import type { Provenance } from "../../shared/model/provenance.ts";
import { carryOutRelease, planRelease, type ReleaseStep, type StagedArtifact } from "../releases/release.ts";
import { describeConflict } from "../releases/store-conflict.ts";
import type { CommandContext } from "./command-context.ts";
import { confirm } from "./question.ts";
import { withStore } from "./store-lock.ts";
import type { Terminal } from "./terminal.ts";

/** Where to, and what may be done for it. */
export interface Releasing {
  /** The store's name, and its folder. */
  readonly to: string;
  readonly folder: string;
  /** The folders that the command was given, as options to say them again. */
  readonly folderOptions: string;
  readonly run: string;
  /** Earlier releases of the same version are replaced. */
  readonly update: boolean;
  /** Nobody is asked before that. */
  readonly nonInteractive: boolean;
}

/** What was released; undefined where somebody said no. Throws `conflict` when something can't be, and releases nothing. */
export async function releaseStaged(
  artifacts: readonly StagedArtifact[],
  releasing: Releasing,
  context: CommandContext,
): Promise<readonly Provenance[] | undefined> {
  const { to, folder, run } = releasing;
  return await withStore(folder, async (store) => {
    const steps = await planRelease(artifacts, store);
    refuseWhatCannotBe(steps, releasing);
    if (!(await mayReplace(steps, releasing, context))) return undefined;
    return await carryOutRelease(steps, store, { store: to, run, at: new Date().toISOString() });
  });
}

/** Tells how many came, and how many were there. */
export function noteReleased(
  terminal: Terminal,
  to: string,
  { released, chosen }: { readonly released: number; readonly chosen: number },
): void {
  const present = chosen - released;
  const there = present === 0 ? "" : `; ${countOf(present)} ${present === 1 ? "was" : "were"} there already`;
  terminal.note(`released ${countOf(released)} to ${to}${there}`);
}

function refuseWhatCannotBe(steps: readonly ReleaseStep[], { to, run, folderOptions }: Releasing): void {
  const refused = steps.flatMap((step) =>
    step.kind === "refused" ? [`${titleOf(step)}: ${step.reason}`] : [],
  );
  if (refused.length === 0) return;
  throw new MillraceError("conflict", `not everything can be released to ${to}: ${refused.join("; ")}`, {
    fix: `Nothing was released. Choose packages by name, or by --image: millrace release new${folderOptions} ${run} --to ${to}.`,
  });
}

/** Whether nothing has to be replaced, or it was asked for and, where somebody can be asked, agreed to. */
async function mayReplace(
  steps: readonly ReleaseStep[],
  { to, run, folderOptions, update, nonInteractive }: Releasing,
  { terminal, interruption }: CommandContext,
): Promise<boolean> {
  const updates = steps.flatMap((step) => (step.kind === "update" ? [step] : []));
  if (updates.length === 0) return true;
  const lines = updates.map((step) => `${titleOf(step)}: ${step.replacing.map(describeConflict).join(", ")}`);
  if (!update) {
    throw new MillraceError("conflict", `there are other files in ${to}: ${lines.join("; ")}`, {
      fix: `Nothing was released. Replace them: millrace release new${folderOptions} ${run} --to ${to} --update.`,
    });
  }
  if (nonInteractive) return true;
  for (const line of lines) terminal.note(line);
  return await confirm(`Replace the files of ${countOf(updates.length)} in ${to}?`, interruption);
}

function titleOf({ staged: { provenance } }: ReleaseStep): string {
  return `${provenance.package.name} ${provenance.package.version}`;
}

function countOf(count: number): string {
  return `${count} artifact${count === 1 ? "" : "s"}`;
}
