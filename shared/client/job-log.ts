/**
 * A job's log, attempt after attempt. The bytes come from the log stream, what they belong to from the job's view
 * and its events; an attempt's bytes are read while the step that ends it, and says how many there are, is awaited.
 */
import type { Bus } from "../bus/connection.ts";
import type { JobView } from "../model/api.ts";
import type { AgentEvent, RunEvent } from "../model/event.ts";
import { readLog } from "../store/log-reader.ts";
import type { LogOptions, LogRecord } from "./client.ts";
import { JobAttempts, type JobStep } from "./job-attempts.ts";

export interface JobRef {
  readonly run: string;
  readonly job: string;
}

/** What is known of the job elsewhere. */
export interface JobSources {
  view(): Promise<JobView>;
  /** The run's events from about now on. */
  events(signal: AbortSignal): AsyncIterable<RunEvent | AgentEvent>;
}

/** Reads the job's log; `LogOptions` says from where to where. */
export async function* readJobLog(
  bus: Bus,
  job: JobRef,
  { attempt: wanted, follow = false, signal }: LogOptions,
  sources: JobSources,
): AsyncGenerator<LogRecord> {
  const ending = new AbortController();
  const stop = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const steps = follow ? followSteps(job, sources, stop) : viewSteps(sources);
  try {
    let next = steps.next();
    for (;;) {
      const { value: step } = await next;
      if (step === undefined || stop.aborted) return;
      next = steps.next();
      // Nobody may be waiting when it fails; whoever waits for it next gets the failure.
      next.catch(() => {});
      if (step.kind === "ended") {
        yield step;
        return;
      }
      if (wanted !== undefined && step.attempt !== wanted) continue;
      if (step.kind === "attemptEnded") {
        const { kind, attempt, outcome, retried } = step;
        yield { kind, attempt, outcome, retried };
        if (wanted !== undefined) return;
        continue;
      }
      yield { kind: "attempt", attempt: step.attempt, agent: step.agent };
      const totalBytes = next.then(({ value }) => lengthOf(value));
      totalBytes.catch(() => {});
      yield* readAttempt(bus, job, step.attempt, follow, totalBytes, stop);
    }
  } finally {
    ending.abort();
  }
}

async function* readAttempt(
  bus: Bus,
  { run, job }: JobRef,
  attempt: number,
  follow: boolean,
  totalBytes: Promise<number | undefined>,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  for await (const piece of readLog(bus, { run, job, attempt, follow, totalBytes, signal })) {
    yield { attempt, ...piece };
  }
}

/** Undefined where it is not known: what is stored then is all. */
function lengthOf(step: JobStep | undefined): number | undefined {
  return step?.kind === "attemptEnded" ? (step.logBytes ?? undefined) : undefined;
}

async function* viewSteps(sources: JobSources): AsyncGenerator<JobStep, undefined> {
  yield* new JobAttempts().onView(await sources.view());
}

/** The view is asked for after the events have begun, so that nothing falls between them. */
async function* followSteps(
  job: JobRef,
  sources: JobSources,
  signal: AbortSignal,
): AsyncGenerator<JobStep, undefined> {
  const now = await sources.view();
  const attempts = new JobAttempts();
  const known = attempts.onView(now);
  yield* known;
  if (known.at(-1)?.kind === "ended") return;
  let isCaughtUp = false;
  for await (const event of sources.events(signal)) {
    if (!isCaughtUp) {
      isCaughtUp = true;
      const missed = attempts.onView(await sources.view());
      yield* missed;
      if (missed.at(-1)?.kind === "ended") return;
    }
    if (!("job" in event) || event.job !== job.job) continue;
    for (const step of attempts.onEvent(event)) {
      yield step.kind === "attemptEnded" && step.logBytes === null ? await measured(step, sources) : step;
      if (step.kind === "ended") return;
    }
  }
}

/** Fills in the log's length, which some events do not tell. */
async function measured(
  step: Extract<JobStep, { kind: "attemptEnded" }>,
  sources: JobSources,
): Promise<JobStep> {
  const view = await sources.view();
  const attempt = view.attempts.find((candidate) => candidate.attempt === step.attempt);
  return { ...step, logBytes: attempt?.logBytes ?? null };
}
