/** How people name a run: its id, the start of its id, or `last`. */

import type { Client } from "../../shared/client/client.ts";
import type { RunView } from "../../shared/client/index.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { identifierPattern } from "../../shared/model/name.ts";

const MAX_NAMED = 5;

/** The run meant by a reference; throws `notFound`, or `badInput` when it could be several. */
export async function findRun(client: Client, reference: string): Promise<RunView> {
  if (reference !== "last" && identifierPattern.test(reference)) {
    const exact = await client.run(reference).catch((error: unknown) => {
      if (error instanceof MillraceError && error.code === "notFound") return undefined;
      throw error;
    });
    if (exact !== undefined) return exact;
  }
  const runs: RunView[] = [];
  for await (const run of client.runs()) {
    if (reference === "last" || run.run.startsWith(reference)) runs.push(run);
  }
  return chooseRun(reference, runs);
}

/** The one run among the candidates that a reference means. */
export function chooseRun(reference: string, candidates: readonly RunView[]): RunView {
  const matching =
    reference === "last" ? latest(candidates) : candidates.filter(({ run }) => run.startsWith(reference));
  const [first] = matching;
  if (first === undefined) {
    const message =
      reference === "last" ? "there is no run yet" : `there is no run ${JSON.stringify(reference)}`;
    throw new MillraceError("notFound", message, { fix: "millrace runs lists them." });
  }
  if (matching.length > 1) {
    const named = matching.slice(0, MAX_NAMED).map(({ run }) => run);
    const more = matching.length > MAX_NAMED ? ` and ${matching.length - MAX_NAMED} more` : "";
    throw new MillraceError("badInput", `${JSON.stringify(reference)} could be ${named.join(", ")}${more}`, {
      fix: "Write more of the run's id.",
    });
  }
  return first;
}

function latest(runs: readonly RunView[]): RunView[] {
  const [first, ...rest] = runs;
  if (first === undefined) return [];
  return [rest.reduce((newest, run) => (isLater(run, newest) ? run : newest), first)];
}

function isLater(run: RunView, than: RunView): boolean {
  const difference = Date.parse(run.submittedAt) - Date.parse(than.submittedAt);
  return difference === 0 ? run.run > than.run : difference > 0;
}
