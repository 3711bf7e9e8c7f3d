import type { AgentEvent, RunEvent } from "../../../shared/model/event.ts";
import { describeOutcome, describeProgress } from "../../../shared/model/outcome.ts";
import { isRoutineReturn } from "../../../shared/model/return-reason.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { formatDuration } from "../format/duration.ts";

/** What happened, as one clause without the names of run and job. */
export function describeEvent(event: RunEvent | AgentEvent): string {
  switch (event.type) {
    case "run.submitted":
      return `submitted with ${event.jobs} ${event.jobs === 1 ? "job" : "jobs"}${retrying(event.retryOf)}`;
    case "run.cancelling":
      return `is being cancelled${event.by === "" ? "" : ` by ${event.by}`}: ${event.reason}`;
    case "run.priority":
    case "job.priority":
      return `has priority ${event.priority} now`;
    case "run.finished":
      return `${event.status} after ${formatDuration(event.wallMs)}${because(event.reason)}`;
    case "job.ready":
      return "is ready";
    case "job.reused":
      return `is reused from run ${event.from.run}${event.cutoff ? ", as its inputs came out the same" : ""}`;
    case "job.joined":
      return `waits for ${event.with.job} of run ${event.with.run}, which is equal`;
    case "job.assigned":
      return `goes to ${event.agent}${again(event.attempt)}`;
    case "job.started":
      return `started on ${event.agent}${again(event.attempt)}`;
    case "job.progress":
      return `is at ${describeProgress(event)}`;
    case "job.returned":
      return `was given back by ${event.agent}: ${event.reason}`;
    case "job.retrying":
      return `failed on ${event.agent}: ${describeOutcome(event.outcome)}; tried again${later(event.delayMs)}`;
    case "job.succeeded":
      if (event.carriedFrom !== undefined) return `succeeded in run ${event.carriedFrom}`;
      return `succeeded${unsaid(event.implicit)}${took(event.wallMs)} on ${event.agent}${stored(event.artifact)}`;
    case "job.failed":
      if (event.carriedFrom !== undefined) return `failed as allowed in run ${event.carriedFrom}`;
      return `failed${event.allowed ? " as allowed" : ""}${took(event.wallMs)}${on(event.agent)}: ${describeOutcome(event.outcome)}`;
    case "job.blocked":
      return `is blocked by ${event.rootCause}`;
    case "job.skipped":
      return `is skipped: ${event.reason}`;
    case "job.cancelling":
      return `is being cancelled on ${event.agent}: ${event.reason}`;
    case "job.cancelled":
      return `is cancelled: ${event.reason}`;
    case "job.unschedulable":
      return `waits: ${event.reason}`;
    case "agent.joined":
      return `joined with ${event.slots} ${event.slots === 1 ? "slot" : "slots"}`;
    case "agent.mode":
      return `is ${event.mode} now`;
    case "agent.suspect":
      return `is silent for ${formatDuration(event.silentMs)}`;
    case "agent.recovered":
      return "is heard again";
    case "agent.lost":
      return `is lost, silent for ${formatDuration(event.silentMs)}`;
    case "agent.left":
      return `left: ${event.reason}`;
    case "agent.nameTaken":
      return `has a name that process ${event.pid} on ${event.hostname} uses, too: that one is refused`;
  }
}

/** How much a line says to somebody who follows a run: `problem` is shown above a live view, too. */
export function importance(event: RunEvent): "problem" | "progress" | "detail" {
  switch (event.type) {
    case "job.failed":
      return event.carriedFrom === undefined ? "problem" : "detail";
    case "job.succeeded":
      return event.carriedFrom === undefined ? "progress" : "detail";
    case "job.retrying":
    case "job.unschedulable":
    case "run.cancelling":
      return "problem";
    case "job.returned":
      return isRoutineReturn(event.reason) ? "detail" : "problem";
    case "job.joined":
    case "job.skipped":
    case "job.cancelled":
    case "run.submitted":
      return "progress";
    case "run.finished":
    case "run.priority":
    case "job.priority":
    case "job.blocked":
    case "job.reused":
    case "job.ready":
    case "job.assigned":
    case "job.started":
    case "job.progress":
    case "job.cancelling":
      return "detail";
  }
}

function unsaid(implicit: boolean | undefined): string {
  return implicit === true ? " (no mark says so)" : "";
}

function took(wallMs: number | null): string {
  return wallMs === null ? "" : ` in ${formatDuration(wallMs)}`;
}

function on(agent: string | null): string {
  return agent === null ? "" : ` on ${agent}`;
}

function again(attempt: number): string {
  return attempt === 1 ? "" : ` (attempt ${attempt})`;
}

function later(delayMs: number): string {
  return delayMs === 0 ? "" : ` in ${formatDuration(delayMs)}`;
}

function retrying(earlier: string | undefined): string {
  return earlier === undefined ? "" : `, retries run ${earlier}`;
}

function because(reason: string | null): string {
  return reason === null ? "" : `: ${reason}`;
}

function stored(artifact: { readonly files: number; readonly bytes: number } | null): string {
  if (artifact === null) return "";
  return `, ${artifact.files} ${artifact.files === 1 ? "file" : "files"} of ${formatBytes(artifact.bytes)}`;
}
