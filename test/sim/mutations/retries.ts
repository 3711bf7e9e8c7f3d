/** Broken decisions about what runs again: attempts of a job, and jobs of a run that is retried. */
import type { Mutation } from "../mutations.ts";

const RETRY = "coordinator/core/retry.ts";
const CARRY = "coordinator/core/carry-over.ts";
const FOLD = "coordinator/core/run-fold.ts";

export const retryMutations: readonly Mutation[] = [
  {
    breaks: "a job is tried again after the failures that it names",
    file: RETRY,
    find: "if (cause === null || !spec.retries.on.includes(cause)) return false;",
    replace: "if (cause === null) return false;",
  },
  {
    breaks: "a job is tried again after the exit statuses that it names",
    file: RETRY,
    find: 'if (exitCodes === undefined || cause !== "failure") return true;',
    replace: "if (exitCodes === undefined || cause !== undefined) return true;",
  },
  {
    breaks: "losses and failures are counted apart",
    file: RETRY,
    find: "(attempt) => attempt.result !== null && causeOf(attempt.result.outcome) !== null,",
    replace: "(attempt) => attempt.result !== null,",
  },
  {
    breaks: "what rests on a job that runs again runs again",
    file: CARRY,
    find: "if (targetsOf(state.graph.needs, index).some((need) => isAsBefore[need] === 0)) continue;",
    replace: "",
  },
  {
    breaks: "what did not end well runs again",
    file: CARRY,
    find: 'const isGood = phase === "succeeded" || isAllowedFailure(state, index);',
    replace: 'const isGood = phase !== "skipped";',
  },
  {
    breaks: "a carried job has the artifact of its run",
    file: FOLD,
    find: "job.artifact = artifact;\n",
    replace: "void artifact;\n",
  },
  {
    breaks: "a carried job does not run",
    file: FOLD,
    find: "|| state.carried.has(index)) continue;",
    replace: ") continue;",
  },
  {
    breaks: "dependants hear of carried jobs",
    file: FOLD,
    find: "for (const index of state.carried.keys()) reachDependants(state, index, at, changes);",
    replace: "",
  },
];
