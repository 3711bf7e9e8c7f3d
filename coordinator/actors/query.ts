/** Questions about one run, answered from its state alone: of a living run by its actor, of an ended one by the archive. */
import { explain } from "../core/explanation.ts";
import type { RunState } from "../core/run-state.ts";
import { viewGraph, viewJobs, viewRun } from "../core/run-view.ts";
import type { Scheduler } from "../core/scheduler.ts";
import type { Command, Reply } from "./messages.ts";

export function answerQuery(state: RunState, command: Command, scheduler: Scheduler, now: number): Reply {
  switch (command.verb) {
    case "run":
      return { ok: true, result: viewRun(state) };
    case "jobs":
      return { ok: true, result: viewJobs(state, command.request) };
    case "graph":
      return { ok: true, result: viewGraph(state, command.request.offset, command.request.limit) };
    case "explain": {
      const index = state.graph.indexOf.get(command.request.job);
      if (index === undefined) {
        const name = JSON.stringify(command.request.job);
        return { ok: false, code: "notFound", message: `run ${state.run} has no job ${name}` };
      }
      return { ok: true, result: explain(state, index, scheduler, now) };
    }
    default:
      return { ok: false, code: "conflict", message: `a run does not answer ${command.verb}` };
  }
}
