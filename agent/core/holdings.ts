/**
 * The attempts an agent holds, from acceptance until the coordinator settles their report.
 *
 *     queued ──▶ running ──▶ collecting ──▶ finished ──▶ (settled: forgotten)
 *        └── cancel ─────────────────────────▲
 *        └── recall, drain, trouble ──▶ returned (only its report is kept)
 *
 * `running` has a slot and its resources, from the making of its workspace to the end of its command; `collecting`
 * stores its outputs and log while the slot already serves the next one. Queued attempts start first in, first
 * out: one that waits for resources is not overtaken, so it can't starve.
 *
 * Safe: an attempt is launched at most once (1), reported once and repeated unchanged until settled (2). Live:
 * every event that may free a slot or fill the queue ends in `startQueued`.
 *
 * Invariants: (1) a key enters `held` once and leaves it by settling only, or by being returned unstarted.
 * (2) `finished` if and only if its item is in the outbox. (3) the running attempts fit into the capacity.
 * (4) at most `collectLimit` attempts collect while others start, so a slow store holds the slots in the end.
 */
import {
  type AgentMode,
  type AttemptRef,
  attemptRef,
  type Capacity,
  type HeldAttempt,
  type JobRequest,
  type ReportItem,
} from "../../shared/model/messages.ts";
import type { EndedAttempt, Outcome, Progress } from "../../shared/model/outcome.ts";
import { routineReturn } from "../../shared/model/return-reason.ts";
import { admissionProblem } from "./admission.ts";
import { attemptKey, executionKey } from "./attempt-key.ts";
import type { EndCause } from "./end-cause.ts";
import * as outboxes from "./outbox.ts";
import { fits, freeSlots, type Needs, occupy, release, type Slots } from "./slots.ts";

/** A report with so many answers goes out at once. */
const MOST_GATHERED = 64;

type Phase = "queued" | "running" | "collecting" | "finished";

interface Held {
  readonly ref: AttemptRef;
  readonly needs: Needs;
  /** Kept until it is launched. */
  request: JobRequest | undefined;
  phase: Phase;
  /** Settled before its end: its result is dropped. */
  unwanted: boolean;
}

export interface Holdings {
  readonly slots: Slots;
  readonly engine: string | null;
  readonly collectLimit: number;
  mode: AgentMode;
  /** Why nothing can be started here at present, such as a disk that is nearly full. */
  trouble: string | undefined;
  readonly held: Map<string, Held>;
  readonly executions: Set<string>;
  readonly queue: Set<string>;
  readonly outbox: outboxes.Outbox;
  /** What has started, or made progress, since the last report; said once. */
  unsaid: ReportItem[];
  collecting: number;
}

export type HoldingEffect =
  /** Accepted and waiting: its inputs may be fetched ahead. */
  | { readonly kind: "accepted"; readonly request: JobRequest }
  /** It does not wait any more, and will not be launched: what is fetched ahead for it is of no use. */
  | { readonly kind: "withdrawn"; readonly key: string }
  | { readonly kind: "launch"; readonly key: string; readonly request: JobRequest }
  | { readonly kind: "end"; readonly key: string; readonly cause: EndCause }
  /** Its report is settled: its files may go. */
  | { readonly kind: "free"; readonly key: string };

export function emptyHoldings(capacity: Capacity, engine: string | null): Holdings {
  return {
    slots: freeSlots(capacity),
    engine,
    collectLimit: Math.max(4, capacity.slots * 2),
    mode: "active",
    trouble: undefined,
    held: new Map(),
    executions: new Set(),
    queue: new Set(),
    outbox: outboxes.emptyOutbox(),
    unsaid: [],
    collecting: 0,
  };
}

/** A job request: queued, launched, or refused with a reason. A repeat of one that is held changes nothing. */
export function onStartOrdered(holdings: Holdings, request: JobRequest, now: number): HoldingEffect[] {
  const key = attemptKey(request);
  if (holdings.held.has(key) || holdings.outbox.waiting.has(key)) return [];
  const problem = admissionProblem(request, {
    mode: holdings.mode,
    trouble: holdings.trouble,
    capacity: holdings.slots.capacity,
    engine: holdings.engine,
    heldUnderOtherLease: holdings.executions.has(executionKey(request)),
  });
  if (problem !== undefined) {
    giveBack(holdings, request, problem, now);
    return [];
  }
  const { cpu = 0, memoryBytes = 0 } = request.spec.resources;
  hold(holdings, {
    ref: attemptRef(request),
    needs: { cpu, memoryBytes },
    request,
    phase: "queued",
    unwanted: false,
  });
  holdings.queue.add(key);
  const effects = startQueued(holdings);
  return holdings.queue.has(key) ? [{ kind: "accepted", request }, ...effects] : effects;
}

/** A job request that can't be read: refused, so that its coordinator need not wait for ever. */
export function onUnreadableStart(holdings: Holdings, ref: AttemptRef, now: number): void {
  if (!holdings.held.has(attemptKey(ref))) giveBack(holdings, ref, "the agent can't read the request", now);
}

/** Ends it if it runs, forgets it if it waits; in each case a `finished` item answers. */
export function onCancelOrdered(holdings: Holdings, ref: AttemptRef, now: number): HoldingEffect[] {
  const key = attemptKey(ref);
  const held = holdings.held.get(key);
  if (held === undefined) {
    // Settled long ago, or of an incarnation that left nothing: without an answer its canceller would wait for ever.
    report(holdings, ref, withoutRun({ kind: "cancelled" }), now);
    return [];
  }
  if (held.phase === "running") return [{ kind: "end", key, cause: { kind: "cancelled" } }];
  if (held.phase !== "queued") return [];
  const withdrawn = withdraw(holdings, held);
  finish(holdings, held, withoutRun({ kind: "cancelled" }), now);
  return [withdrawn, ...startQueued(holdings)];
}

/** Gives it back if it waits; one that has started goes on. */
export function onRecallOrdered(holdings: Holdings, ref: AttemptRef, now: number): HoldingEffect[] {
  const held = holdings.held.get(attemptKey(ref));
  if (held?.phase !== "queued") return [];
  return [returnQueued(holdings, held, routineReturn.recalled, now), ...startQueued(holdings)];
}

/** The report is in the journal, or is not wanted: what still runs is ended without one. */
export function onSettleOrdered(holdings: Holdings, ref: AttemptRef): HoldingEffect[] {
  const key = attemptKey(ref);
  outboxes.settle(holdings.outbox, ref);
  const held = holdings.held.get(key);
  if (held === undefined) return [];
  switch (held.phase) {
    case "finished":
      drop(holdings, held);
      return [{ kind: "free", key }];
    case "queued":
      drop(holdings, held);
      return [withdraw(holdings, held), ...startQueued(holdings)];
    case "running":
    case "collecting":
      held.unwanted = true;
      return [{ kind: "end", key, cause: { kind: "lost", message: "the coordinator gave it up" } }];
  }
}

/** `held` takes nothing new; `draining` gives back what waits, too. */
export function onModeChanged(holdings: Holdings, mode: AgentMode, now: number): HoldingEffect[] {
  holdings.mode = mode;
  const withdrawn = mode === "draining" ? returnAllQueued(holdings, routineReturn.draining, now) : [];
  return [...withdrawn, ...startQueued(holdings)];
}

/** Trouble gives back what waits and refuses what comes, until it is over; what runs goes on. */
export function onTroubleChanged(
  holdings: Holdings,
  trouble: string | undefined,
  now: number,
): HoldingEffect[] {
  holdings.trouble = trouble;
  return trouble === undefined ? [] : returnAllQueued(holdings, trouble, now);
}

/** The mode to tell: an agent in trouble is held, whatever mode it was given. */
export function presentMode({ mode, trouble }: Holdings): AgentMode {
  return trouble !== undefined && mode === "active" ? "held" : mode;
}

/** Ends everything that runs; the agent stops at once. */
export function onStopNow(holdings: Holdings, now: number): HoldingEffect[] {
  const effects = onModeChanged(holdings, "draining", now);
  for (const [key, held] of holdings.held) {
    if (held.phase !== "running") continue;
    effects.push({ kind: "end", key, cause: { kind: "lost", message: "its agent was stopped" } });
  }
  return effects;
}

/** What its marks say has changed. */
export function onProgress(holdings: Holdings, key: string, progress: Progress): HoldingEffect[] {
  const held = holdings.held.get(key);
  if (held?.phase !== "running") return [];
  const isNews = (item: ReportItem): boolean => item.kind !== "progress" || attemptKey(item) !== key;
  holdings.unsaid = [...holdings.unsaid.filter(isNews), { kind: "progress", ...held.ref, ...progress }];
  return [];
}

/** The command has ended: its slot and resources serve the next one while its outputs are collected. */
export function onCommandEnded(holdings: Holdings, key: string): HoldingEffect[] {
  const held = holdings.held.get(key);
  if (held?.phase !== "running") return [];
  release(holdings.slots, held.needs);
  held.phase = "collecting";
  holdings.collecting += 1;
  return startQueued(holdings);
}

/** The attempt's result is complete; it is reported until settled. */
export function onFinished(
  holdings: Holdings,
  key: string,
  ended: EndedAttempt,
  now: number,
): HoldingEffect[] {
  const held = holdings.held.get(key);
  if (held === undefined || held.phase === "finished" || held.phase === "queued") return [];
  if (held.phase === "running") release(holdings.slots, held.needs);
  else holdings.collecting -= 1;
  const free: HoldingEffect[] = held.unwanted ? [{ kind: "free", key }] : [];
  if (held.unwanted) drop(holdings, held);
  else finish(holdings, held, ended, now);
  return [...free, ...startQueued(holdings)];
}

/** An attempt that was taken over turns out never to have begun: it is given back, and its files go. */
export function onNeverBegan(holdings: Holdings, key: string, now: number): HoldingEffect[] {
  const held = holdings.held.get(key);
  if (held?.phase !== "running") return [];
  release(holdings.slots, held.needs);
  drop(holdings, held);
  if (!held.unwanted) giveBack(holdings, held.ref, routineReturn.restarted, now);
  return [{ kind: "free", key }, ...startQueued(holdings)];
}

/** An attempt of an earlier process of this agent that still runs, or whose outputs are still to be collected. */
export function onTakenOver(holdings: Holdings, leftover: AttemptRef, needs: Needs): void {
  hold(holdings, { ref: attemptRef(leftover), needs, request: undefined, phase: "running", unwanted: false });
  occupy(holdings.slots, needs);
}

/** What the agent tells of itself; `collecting` counts as running, its result is not known yet. */
export function listHeld(holdings: Holdings): HeldAttempt[] {
  return [...holdings.held.values()].map(({ ref, phase }) => ({
    ...ref,
    phase: phase === "collecting" ? "running" : phase,
  }));
}

/** Whether there are results or refusals that have never been sent. */
export function hasAnswers(holdings: Holdings): boolean {
  return holdings.outbox.fresh > 0;
}

/**
 * Whether a report may wait a moment for more answers: each slot has more than its next job at hand, and more wait here
 * than there are answers, so that what these lead to is there before a slot idles; and they are not so many that
 * coordinator and agent would work in turns instead of side by side.
 */
export function mayGather({ queue, slots, outbox }: Holdings): boolean {
  return queue.size > Math.max(slots.capacity.slots, outbox.fresh) && outbox.fresh < MOST_GATHERED;
}

/** What is to be reported now: what is said once of attempts since the last report, and outbox items that are due. */
export function takeReport(holdings: Holdings, now: number): ReportItem[] {
  const items: ReportItem[] = [...holdings.unsaid, ...outboxes.takeDue(holdings.outbox, now)];
  holdings.unsaid = [];
  return items;
}

/** Whether nothing runs or waits to run; reports may still be unsettled. */
export function isIdle(holdings: Holdings): boolean {
  return holdings.slots.taken === 0 && holdings.collecting === 0 && holdings.queue.size === 0;
}

/** The end of an attempt of which no command ran. */
export function withoutRun(outcome: Outcome): EndedAttempt {
  const unmeasured = { wallMs: null, cpuMs: null, peakMemoryBytes: null, artifact: null, logBytes: 0 };
  return { result: { outcome, ...unmeasured } };
}

function startQueued(holdings: Holdings): HoldingEffect[] {
  const effects: HoldingEffect[] = [];
  for (const key of holdings.queue) {
    const held = holdings.held.get(key)!;
    if (!fits(holdings.slots, held.needs) || holdings.collecting >= holdings.collectLimit) break;
    holdings.queue.delete(key);
    held.phase = "running";
    occupy(holdings.slots, held.needs);
    holdings.unsaid.push({ kind: "started", ...held.ref });
    effects.push({ kind: "launch", key, request: held.request! });
    held.request = undefined;
  }
  return effects;
}

function hold(holdings: Holdings, held: Held): void {
  holdings.held.set(attemptKey(held.ref), held);
  holdings.executions.add(executionKey(held.ref));
}

function drop(holdings: Holdings, held: Held): void {
  holdings.held.delete(attemptKey(held.ref));
  holdings.executions.delete(executionKey(held.ref));
}

function finish(holdings: Holdings, held: Held, ended: EndedAttempt, now: number): void {
  held.phase = "finished";
  report(holdings, held.ref, ended, now);
}

function report(holdings: Holdings, ref: AttemptRef, ended: EndedAttempt, now: number): void {
  outboxes.put(holdings.outbox, { kind: "finished", ...attemptRef(ref), ...ended }, now);
}

function returnAllQueued(holdings: Holdings, reason: string, now: number): HoldingEffect[] {
  return [...holdings.queue].map((key) => returnQueued(holdings, holdings.held.get(key)!, reason, now));
}

function returnQueued(holdings: Holdings, held: Held, reason: string, now: number): HoldingEffect {
  drop(holdings, held);
  giveBack(holdings, held.ref, reason, now);
  return withdraw(holdings, held);
}

function withdraw(holdings: Holdings, { ref }: Held): HoldingEffect {
  const key = attemptKey(ref);
  holdings.queue.delete(key);
  return { kind: "withdrawn", key };
}

function giveBack(holdings: Holdings, ref: AttemptRef, reason: string, now: number): void {
  outboxes.put(holdings.outbox, { kind: "returned", ...attemptRef(ref), reason }, now);
}
