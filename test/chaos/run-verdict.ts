/**
 * Whether a run under chaos went as a calm one of the same graph. Pure: accounts in, what is wrong with them out.
 */
import { isDeepStrictEqual } from "node:util";
import type { RunEvent } from "../../shared/client/index.ts";
import { attemptsOf } from "./attempts.ts";
import type { RunAccount } from "./run-account.ts";

/** Everything that is not as in the calm run: ends, artifacts, logs. */
export function differencesFromCalm(account: RunAccount, calm: RunAccount): string[] {
  const faults: string[] = [];
  const compare = (what: string, found: unknown, expected: unknown): void => {
    if (isDeepStrictEqual(found, expected)) return;
    faults.push(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  };
  compare("status", account.status, calm.status);
  const calmJobs = new Map(calm.jobs.map((job) => [job.job, job]));
  for (const { job, phase, reason, rootCause, artifact } of account.jobs) {
    const expected = calmJobs.get(job);
    compare(
      `end of ${job}`,
      [phase, reason, rootCause],
      [expected?.phase, expected?.reason, expected?.rootCause],
    );
    compare(`artifact of ${job}`, artifact, expected?.artifact);
    compare(`log of ${job}`, account.logs.get(job), calm.logs.get(job));
  }
  return [...faults, ...account.unreadable.map((problem) => `artifact can't be fetched: ${problem}`)];
}

/** What no run may show, however it went. */
export function contradictions(account: RunAccount): string[] {
  return [...journalProblems(account), ...eventProblems(account.events)];
}

/** Whether who watched it live saw what is stored, each event once and in order. */
export function unlikeStored(watched: readonly RunEvent[], stored: readonly RunEvent[]): string[] {
  const seen = watched.map(({ seq }) => seq);
  if (isDeepStrictEqual(watched, stored)) return [];
  return [`its watcher saw other events than are stored: ${seen.join(" ")}`];
}

function journalProblems({ jobs, records }: RunAccount): string[] {
  const problems: string[] = [];
  records.forEach(({ epoch, record }, index) => {
    const before = records[index - 1]?.epoch ?? 0;
    if (epoch < before) problems.push(`a ${record.type} of epoch ${epoch} stands behind epoch ${before}`);
  });
  const accepted = new Map<number, number>();
  for (const { job, attempt, ends } of attemptsOf(records)) {
    if (ends.length > 1) problems.push(`attempt ${attempt} of job ${job} ended ${ends.length} times`);
    const count = ends.filter(({ isAccepted }) => isAccepted).length;
    accepted.set(job, (accepted.get(job) ?? 0) + count);
  }
  for (const { job, index, phase } of jobs) {
    const count = accepted.get(index) ?? 0;
    const expected = phase === "succeeded" || phase === "failed" ? 1 : 0;
    if (count !== expected) problems.push(`${job} is ${phase} and has ${count} accepted results`);
  }
  return problems;
}

const finalTypes: ReadonlySet<RunEvent["type"]> = new Set([
  "job.succeeded",
  "job.failed",
  "job.blocked",
  "job.skipped",
  "job.cancelled",
]);

function eventProblems(events: readonly RunEvent[]): string[] {
  const problems: string[] = [];
  const ended = new Set<string>();
  events.forEach((event, index) => {
    if (event.seq !== index + 1) problems.push(`event ${event.seq} stands where ${index + 1} should`);
    if (!("job" in event) || !finalTypes.has(event.type)) return;
    if (ended.has(event.job)) problems.push(`${event.job} has ended twice`);
    ended.add(event.job);
  });
  if (events.at(-1)?.type !== "run.finished") problems.push("the last event is not run.finished");
  return problems;
}
