/**
 * An agent has said what it holds (after its start, or after a new leader asked): what it should hold is compared.
 *
 * Safe: 1. an attempt whose lease is not in force is ended, never accepted; 2. a lease the agent does not know is lost
 * only when the agent was started again since, without the records it had: with them it says that nothing of it ever
 * began; the same incarnation may simply not have got the order yet.
 * Live: 3. every lease on the agent is afterwards held, on its way, or lost.
 */
import { haveSameRecords } from "../../shared/model/incarnation.ts";
import type { HeldAttempt, Order } from "../../shared/model/messages.ts";
import { routineReturn } from "../../shared/model/return-reason.ts";
import { attemptRef, jobRequest } from "./job-request.ts";
import type { RunRecord } from "./record.ts";
import { onAttemptLost, onReported } from "./run-decide.ts";
import { HELD_REASON, isHeld, jobAt, liveAttempt, type RunState } from "./run-state.ts";

export interface Reconciliation {
  readonly records: RunRecord[];
  readonly orders: Order[];
}

export function reconcileLeases(
  state: RunState,
  agent: { readonly name: string; readonly incarnation: string; readonly held: readonly HeldAttempt[] },
  now: number,
  chance: number,
): Reconciliation {
  const orders = agent.held.flatMap((held) => ordersForHeld(state, held));
  const records: RunRecord[] = [];
  const heldLeases = new Set(agent.held.map((held) => held.lease));
  state.jobs.forEach((job, index) => {
    const attempt = liveAttempt(job);
    if (attempt?.agent !== agent.name || heldLeases.has(attempt.lease)) return;
    if (attempt.incarnation === agent.incarnation) {
      const reason = endReason(state, index);
      if (reason === null) orders.push({ kind: "start", request: jobRequest(state, index, attempt) });
      else orders.push({ kind: "cancel", ...attemptRef(state, index, attempt), reason });
    } else if (haveSameRecords(attempt.incarnation, agent.incarnation)) {
      const item = {
        kind: "returned" as const,
        ...attemptRef(state, index, attempt),
        reason: routineReturn.restarted,
      };
      records.push(...onReported(state, agent.name, item, now, chance).records);
    } else {
      const why = `the agent ${agent.name} was started again without it`;
      records.push(...onAttemptLost(state, index, why, now, chance));
    }
  });
  return { records, orders };
}

function ordersForHeld(state: RunState, held: HeldAttempt): Order[] {
  const { run, job: index, attempt: number, lease, phase } = held;
  const ref = { run, job: index, attempt: number, lease };
  const job = state.jobs[index];
  const attempt = job === undefined ? undefined : liveAttempt(job);
  if (attempt?.lease !== lease) {
    // A finished one may be the accepted one, whose settlement was lost: settling is right in both cases.
    if (phase === "finished") return [{ kind: "settle", ...ref }];
    return [{ kind: "cancel", ...ref, reason: "its lease is no longer in force" }];
  }
  const reason = phase === "finished" ? null : endReason(state, index);
  return reason === null ? [] : [{ kind: "cancel", ...ref, reason }];
}

/** Why an attempt that is in force is to be ended; null where it may go on. */
function endReason(state: RunState, index: number): string | null {
  const job = jobAt(state, index);
  if (job.isCancelRequested) return job.reason ?? "cancelled on request";
  if (state.cancel !== null) return state.cancel.reason;
  return isHeld(state, index) ? HELD_REASON : null;
}
