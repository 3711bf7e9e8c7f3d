/** Broken decisions about which job goes where, and how long it waits for that. */
import type { Mutation } from "../mutations.ts";

const DECIDE = "coordinator/core/run-decide.ts";
const FOLD = "coordinator/core/run-fold.ts";
const ROOM = "coordinator/core/agent-room.ts";
const REQUIREMENT = "coordinator/core/requirement.ts";

export const schedulingMutations: readonly Mutation[] = [
  {
    breaks: "an agent has the labels that a job asks for",
    file: REQUIREMENT,
    find: "if (actual === wanted) continue;",
    replace: "if (actual === wanted || key !== undefined) continue;",
  },
  {
    breaks: "an agent has the CPUs that its jobs ask for",
    file: ROOM,
    find: "requirement.cpu <= room.cpuFree &&",
    replace: "",
  },
  {
    breaks: "an agent has the memory that its jobs ask for",
    file: ROOM,
    find: "requirement.memoryBytes <= room.memoryFree &&",
    replace: "",
  },
  {
    breaks: "a job that no agent can run fails where its run asks for that",
    file: DECIDE,
    find: "if (!state.options.failUnschedulable) return",
    replace: "if (state.options.failUnschedulable !== undefined) return",
  },
  {
    breaks: "a job that waits for too long fails",
    file: DECIDE,
    find: 'const waiting = overdue.filter((job) => state.jobs[job]?.phase === "ready");',
    replace: "const waiting: number[] = [];",
  },
  {
    breaks: "a job that was held waits from its release on",
    file: FOLD,
    find: 'if (job.phase === "ready") job.readyAt = Math.max(job.readyAt ?? 0, at);',
    replace: "void at;",
  },
  {
    breaks: "waits count by the clock of the leader that judges them",
    file: FOLD,
    find: "job.readyAt += shiftMs;",
    replace: "job.readyAt += 0;",
  },
  {
    breaks: "a job whose retry is delayed waits from then on",
    file: FOLD,
    find: "job.readyAt = record.at + retryDelayMs;",
    replace: "",
  },
  {
    breaks: "the place of a grant that is not taken is free again",
    file: "coordinator/actors/run-leases.ts",
    find: "if (taken.length === 0) this.#jobs.onGrantRefused(job);",
    replace: "",
  },
];
