/** Questions answered from the state of one run, or the views of all, alone: by whoever has them. */
import type { ApiCommand, RunView } from "../../shared/model/api.ts";
import type { Estimate } from "../core/estimates.ts";
import { explain } from "../core/explanation.ts";
import type { RunState } from "../core/run-state.ts";
import { viewGraph, viewJobs, viewRun } from "../core/run-view.ts";
import type { Scheduler } from "../core/scheduler.ts";
import type { Command, Reply } from "./messages.ts";

const MAX_MEANT = 3;

/** A page of the runs, latest first. */
export function listRuns(views: RunView[], request: ApiCommand<"runs">): Reply {
  const { offset, limit, status } = request;
  const matching = views.filter((view) => status === undefined || view.status === status);
  matching.sort((a, b) => (a.submittedAt === b.submittedAt ? 0 : a.submittedAt < b.submittedAt ? 1 : -1));
  return { ok: true, result: { total: matching.length, runs: matching.slice(offset, offset + limit) } };
}

/** What the leader alone expects of a living run. */
export interface Outlook {
  estimateOf(job: number): Estimate | undefined;
  expectedEnd(now: number): number | undefined;
}

/** About a living run by its actor, or a standby; of an ended one by the archive. */
export function answerQuery(
  state: RunState,
  command: Command,
  scheduler: Scheduler,
  now: number,
  outlook?: Outlook,
): Reply {
  const refusal = refuseUnknownJob(state, command);
  if (refusal !== undefined) return refusal;
  switch (command.verb) {
    case "run":
      return { ok: true, result: viewRun(state, outlook?.expectedEnd(now)) };
    case "jobs":
      return { ok: true, result: viewJobs(state, command.request) };
    case "graph":
      return { ok: true, result: viewGraph(state, command.request.offset, command.request.limit) };
    case "explain": {
      const index = state.graph.indexOf.get(command.request.job);
      if (index === undefined) return noJob(state, command.request.job);
      return { ok: true, result: explain(state, index, scheduler, now, outlook?.estimateOf(index)) };
    }
    default:
      return { ok: false, code: "conflict", message: `a run does not answer ${command.verb}` };
  }
}

/** The answer to a command that names a job which the run does not have. */
export function refuseUnknownJob(state: RunState, { request }: Command): Reply | undefined {
  const name = "job" in request ? request.job : undefined;
  return name === undefined || state.graph.indexOf.has(name) ? undefined : noJob(state, name);
}

/** Names those that begin so: whoever knows a package may not know that the job's name has its image, too. */
function noJob({ run, graph }: RunState, name: string): Reply {
  const fix = `List its jobs with \`millrace status --all ${run}\`.`;
  const longer: string[] = [];
  for (const job of graph.indexOf.keys()) {
    if (job.startsWith(name) && longer.push(JSON.stringify(job)) === MAX_MEANT) break;
  }
  const hint = longer.length === 0 ? "" : `; did you mean ${longer.join(" or ")}?`;
  return { ok: false, code: "notFound", message: `run ${run} has no job ${name}${hint}`, fix };
}
