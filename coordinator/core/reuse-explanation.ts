/** Whether a job was reused, and why or why not, for people. */
import type { Explanation } from "../../shared/model/api.ts";
import { transitiveNeeds } from "../../shared/model/graph.ts";
import { isReusable } from "./reuse-decide.ts";
import { listed } from "./reuse-difference.ts";
import { jobAt, type Reuse, type RunState, specAt } from "./run-state.ts";

type Reason = Explanation["reasons"][number];

/** None of a job that is not to be reused. */
export function reuseReasons(state: RunState, index: number): Reason[] {
  if (!isReusable(state, index)) return [];
  const { reuse, attempts } = jobAt(state, index);
  if (!state.options.reuse && attempts.length > 0) {
    return [{ code: "notReused", message: "not reused: the run was submitted with --no-reuse" }];
  }
  switch (reuse?.kind) {
    case "reused":
      return [{ code: "reused", message: reusedMessage(state, index, reuse) }];
    case "joined":
      return [
        { code: "joined", message: `waits for ${reuse.name} of run ${reuse.run}: it is equal, and runs` },
      ];
    case "missed":
      return [{ code: "notReused", message: `not reused: ${reuse.reason}` }];
    case undefined:
      return [];
  }
}

function reusedMessage(
  state: RunState,
  index: number,
  { from, isCutoff }: Extract<Reuse, { kind: "reused" }>,
): string {
  const { run, job, attempt, agent } = from;
  const name = job === specAt(state, index).name ? "" : ` as ${job}`;
  const equal = `an equal job succeeded in run ${run}${name} with attempt ${attempt} on ${agent}`;
  if (!isCutoff) return `reused: ${equal}`;
  const anew = madeAnew(state, index);
  const which = anew.length === 0 ? "what it needs was made anew" : `${listed(anew)} ran again`;
  return `reused: ${equal}; ${which}, and its inputs came out the same`;
}

/** The jobs below it that were executed in this run. */
function madeAnew({ graph, specs, ...state }: RunState, index: number): string[] {
  return [...transitiveNeeds(graph, [index])].flatMap((need) => {
    const hasRun = need !== index && state.jobs[need]?.attempts.some(({ result }) => result !== null);
    const name = specs[need]?.name;
    return hasRun === true && name !== undefined ? [name] : [];
  });
}
