import { noJobs } from "../../../coordinator/core/run-state.ts";
import type { RunEvent } from "../../../shared/model/event.ts";

type EventBody = RunEvent extends infer E
  ? E extends RunEvent
    ? Omit<E, "v" | "seq" | "run" | "at">
    : never
  : never;

const startMs = Date.parse("2026-05-01T12:00:00.000Z");

/** Numbers events and spaces them a second apart, as if the coordinator had made them. */
export function numbered(bodies: readonly EventBody[], run = "r1"): RunEvent[] {
  return bodies.map((body, index) => {
    const at = new Date(startMs + index * 1000).toISOString();
    return { v: 1, seq: index + 1, run, at, ...body } as RunEvent;
  });
}

/** The moment of the event with this number. */
export function momentOf(seq: number): number {
  return startMs + (seq - 1) * 1000;
}

export const measured = { wallMs: 1000, cpuMs: 10, peakMemoryBytes: null, logBytes: 5 };

export const submitted = (jobs: number, name: string | null = null): EventBody => ({
  type: "run.submitted",
  name,
  jobs,
  priority: 500,
});

export const started = (job: string, attempt = 1, agent = "host-1"): EventBody => ({
  type: "job.started",
  job,
  attempt,
  agent,
});

export const progressed = (job: string, phase: string | null, percent: number | null): EventBody => ({
  type: "job.progress",
  job,
  attempt: 1,
  agent: "host-1",
  phase,
  percent,
});

export const succeeded = (job: string): EventBody => ({
  type: "job.succeeded",
  job,
  attempt: 1,
  agent: "host-1",
  artifact: null,
  ...measured,
});

export const failed = (job: string, exitCode = 2, allowed = false): EventBody => ({
  type: "job.failed",
  job,
  attempt: 1,
  agent: "host-1",
  outcome: { kind: "failed", reason: "exit", exitCode },
  allowed,
  ...measured,
});

export const blocked = (job: string, rootCause: string): EventBody => ({
  type: "job.blocked",
  job,
  rootCause,
});

export const finished = (status: "succeeded" | "failed" | "cancelled"): EventBody => ({
  type: "run.finished",
  status,
  counts: { ...noJobs },
  wallMs: 12_300,
  reason: null,
});
