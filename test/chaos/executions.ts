/**
 * What really ran, by the line that each execution leaves in the ledger, against what the journal says of it. Pure.
 *
 * 1. A lease is executed at most once, and only if the journal knows it.
 * 2. What was accepted was executed.
 * 3. An execution that was in vain belongs to an attempt that failed by itself, or to one that was lost, with a cause:
 *    its agent was out of reach long enough to be given up, or was told to end its jobs.
 */
import { type Attempt, attemptsOf } from "./attempts.ts";
import type { RunAccount } from "./run-account.ts";
import type { Outage } from "./timeline.ts";

export interface Circumstances {
  readonly outages: readonly Outage[];
  readonly lostAfterMs: number;
  readonly heartbeatMs: number;
  /** Targets whose outage is that of every agent. */
  readonly servers: readonly string[];
  /** Agents that end their jobs when they are stopped. */
  readonly abandoning: readonly string[];
}

/** Lines of the ledger that belong to a run, each a `MILLRACE_ATTEMPT`. */
export function executionsOf(ledger: string, run: string): string[] {
  return ledger.split("\n").filter((line) => line.startsWith(`${run}/`));
}

/** Everything that is wrong with the executions of one run. `uncounted`: jobs that leave no line. */
export function executionProblems(
  account: RunAccount,
  executions: readonly string[],
  uncounted: ReadonlySet<number>,
  circumstances: Circumstances,
): string[] {
  const problems: string[] = [];
  const counts = new Map<string, number>();
  for (const line of executions) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const attempt of attemptsOf(account.records)) {
    const name = `${account.run}/${attempt.job}/${attempt.attempt}/${attempt.lease}`;
    const count = counts.get(name) ?? 0;
    counts.delete(name);
    if (count > 1) problems.push(`${name} was executed ${count} times`);
    const end = attempt.ends[0];
    if (end?.isAccepted && count === 0 && !uncounted.has(attempt.job)) {
      problems.push(`${name} was accepted and never executed`);
    }
    if (count > 0 && !hasReason(attempt, circumstances)) {
      problems.push(`${name} on ${attempt.agent} ran in vain: ${JSON.stringify(end ?? "it has no end")}`);
    }
  }
  for (const unknown of counts.keys()) problems.push(`${unknown} was executed and is not in the journal`);
  return problems;
}

function hasReason(attempt: Attempt, circumstances: Circumstances): boolean {
  const end = attempt.ends[0];
  if (end === undefined || end.outcome === null) return false;
  if (end.isAccepted || end.outcome.kind !== "lost") return true;
  return isAbandoned(attempt, end.atMs, circumstances) || isOutOfReach(attempt, end.atMs, circumstances);
}

function isAbandoned(
  { agent, assignedAtMs }: Attempt,
  endedAtMs: number,
  { outages, abandoning }: Circumstances,
): boolean {
  return (
    abandoning.includes(agent) &&
    outages.some(
      ({ target, kind, fromMs, toMs }) =>
        target === agent && kind === "stop" && fromMs <= endedAtMs && toMs >= assignedAtMs,
    )
  );
}

/** What an agent that is up needs to be heard again: to connect, and for its next heartbeat. */
const RETURN_MS = 3_000;

/** Whether outages that overlap, or follow each other closely, kept the agent silent until it was given up. */
function isOutOfReach(
  { agent, assignedAtMs }: Attempt,
  endedAtMs: number,
  circumstances: Circumstances,
): boolean {
  const { outages, servers, lostAfterMs, heartbeatMs } = circumstances;
  // It may have been struck when its next heartbeat was due, or a little overdue.
  const silentMs = lostAfterMs - 2 * heartbeatMs;
  const silences = outages
    .filter(({ target }) => target === agent || servers.includes(target))
    .map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + RETURN_MS }))
    .sort((a, b) => a.fromMs - b.fromMs);
  let fromMs = Number.NEGATIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  for (const silence of silences) {
    if (silence.fromMs > toMs) fromMs = silence.fromMs;
    toMs = Math.max(toMs, silence.toMs);
    const isWithin = fromMs <= endedAtMs && toMs >= assignedAtMs;
    if (isWithin && Math.min(toMs, endedAtMs) - fromMs >= silentMs) return true;
  }
  return false;
}
