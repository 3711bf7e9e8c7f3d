/**
 * Who leads a namespace: one coordinator's part in the election. Terms are numbered by epochs, and the journal holds
 * a claim for each; a claim is a compare-and-set, so that one coordinator at most has an epoch.
 *
 *   watching ──silence, resignation, nobody there──▶ claiming ──won──▶ leading
 *      ▲                                                │                 │
 *      ├───────────────── lost, or failed ──────────────┘                 │
 *      └───────────────── a higher epoch seen ────────────────────────────┘      (each of them ──▶ ended)
 *
 * The leader says a beat at each tick. Beats of an epoch lower than the highest one known count for nothing.
 *
 * Safe: 1. it leads only with an epoch that it has claimed, and never once it has seen a higher one; 2. it claims only
 * the epoch that follows the highest it knows, so of two that missed the same leader one loses; 3. a leader that may
 * have been away (it was paused, or its connection was) says no beat before the journal has confirmed its epoch. That
 * two lead for a moment all the same harms nothing: appends, orders and answers are fenced by the epoch.
 * Live: 4. silence counts for as long as it listens: what it missed while it was disconnected or did not run says
 * nothing of the leader, and as each tick counts, a slow process comes to its claim, too; 5. a claim that failed is
 * tried again after another silence.
 */
import { z } from "zod";

/** What a leader says of itself, every `beatMs` and when it is asked. */
export const beatSchema = z.object({
  v: z.literal(1),
  epoch: z.number().int().min(1),
  node: z.string().min(1),
  /** Its last one: it has stopped in order, and the next may claim at once. */
  resigns: z.boolean().default(false),
});
export type Beat = z.infer<typeof beatSchema>;

export interface ElectionTimes {
  /** Between two beats, and between two ticks. */
  readonly beatMs: number;
  /** Silence after which a leader counts as gone. */
  readonly silenceMs: number;
}

export type Claim =
  | { readonly kind: "won"; readonly epoch: number }
  /** Somebody else was faster; `epoch` is the one claimed last. */
  | { readonly kind: "lost"; readonly epoch: number };

export type ElectionPhase = "watching" | "claiming" | "leading" | "ended";

export interface Election {
  readonly node: string;
  readonly times: ElectionTimes;
  phase: ElectionPhase;
  /** The highest epoch that it knows to be claimed. */
  epoch: number;
  /** Whom it has heard leading in that epoch. */
  leader: string | null;
  isConnected: boolean;
  /** Silence so far, of the epoch's leader; from below 0, as the interval in which it was heard is not a silent one. */
  silentMs: number;
  tickedMs: number;
  /** It leads, but may have been deposed without having noticed. */
  isInDoubt: boolean;
}

export type ElectionEffect =
  /** Claim the epoch after this one. */
  | { readonly kind: "claim"; readonly above: number }
  | { readonly kind: "lead"; readonly epoch: number }
  | { readonly kind: "stepDown"; readonly epoch: number }
  | { readonly kind: "beat"; readonly beat: Beat }
  /** Ask the journal which epoch was claimed last. */
  | { readonly kind: "confirm" };

/** A coordinator that has just started; `epoch` is the last one claimed, 0 for none. */
export function newElection(node: string, times: ElectionTimes, epoch: number, nowMs: number): Election {
  return {
    node,
    times,
    phase: "watching",
    epoch,
    leader: null,
    isConnected: true,
    silentMs: -times.beatMs,
    tickedMs: nowMs,
    isInDoubt: false,
  };
}

export function onBeat(election: Election, beat: Beat): ElectionEffect[] {
  if (election.phase === "ended" || beat.node === election.node) return [];
  const effects = onEpochSeen(election, beat.epoch);
  if (beat.epoch < election.epoch) return effects;
  startListening(election);
  election.leader = beat.resigns ? null : beat.node;
  return beat.resigns ? [...effects, ...claim(election)] : effects;
}

/** It has asked for a leader, and nobody takes such questions. */
export function onNobodyThere(election: Election): ElectionEffect[] {
  return election.leader === null ? claim(election) : [];
}

export function onTick(election: Election, nowMs: number): ElectionEffect[] {
  const { beatMs, silenceMs } = election.times;
  const sinceMs = nowMs - election.tickedMs;
  election.tickedMs = nowMs;
  switch (election.phase) {
    case "leading":
      if (election.isInDoubt) return [];
      return sinceMs > silenceMs ? doubt(election) : [beatOf(election, false)];
    case "watching":
      if (!election.isConnected) return [];
      election.silentMs += Math.min(sinceMs, beatMs);
      return election.silentMs >= silenceMs ? claim(election) : [];
    default:
      return [];
  }
}

export function onConnection(election: Election, isConnected: boolean): ElectionEffect[] {
  election.isConnected = isConnected;
  startListening(election);
  return isConnected && election.phase === "leading" && !election.isInDoubt ? doubt(election) : [];
}

export function onClaimed(election: Election, outcome: Claim): ElectionEffect[] {
  const isOvertaken = outcome.epoch < election.epoch;
  if (!isOvertaken) learn(election, outcome.epoch);
  if (election.phase === "ended") {
    return outcome.kind === "won" && !isOvertaken ? [beatOf(election, true)] : [];
  }
  if (outcome.kind === "lost" || isOvertaken) return watch(election);
  election.phase = "leading";
  election.leader = election.node;
  election.isInDoubt = false;
  return [{ kind: "lead", epoch: election.epoch }, beatOf(election, false)];
}

export function onClaimFailed(election: Election): ElectionEffect[] {
  return election.phase === "claiming" ? watch(election) : [];
}

/** The epoch that was claimed last, as the journal says when it is asked. */
export function onConfirmed(election: Election, epoch: number): ElectionEffect[] {
  const effects = onEpochSeen(election, epoch);
  if (election.phase !== "leading" || !election.isInDoubt) return effects;
  election.isInDoubt = false;
  return [beatOf(election, false)];
}

/** Something has been seen that was written or said in an epoch. */
export function onEpochSeen(election: Election, epoch: number): ElectionEffect[] {
  if (election.phase === "ended" || epoch <= election.epoch) return [];
  learn(election, epoch);
  if (election.phase !== "leading") return [];
  watch(election);
  return [{ kind: "stepDown", epoch }];
}

/** It takes no part any more. A leader's resignation is said when all that it did has ended. */
export function onEnding(election: Election): ElectionEffect[] {
  const effects = election.phase === "leading" ? [beatOf(election, true)] : [];
  election.phase = "ended";
  return effects;
}

function claim(election: Election): ElectionEffect[] {
  if (election.phase !== "watching") return [];
  election.phase = "claiming";
  return [{ kind: "claim", above: election.epoch }];
}

function watch(election: Election): [] {
  election.phase = "watching";
  startListening(election);
  return [];
}

function startListening(election: Election): void {
  election.silentMs = -election.times.beatMs;
}

function doubt(election: Election): ElectionEffect[] {
  election.isInDoubt = true;
  return [{ kind: "confirm" }];
}

function learn(election: Election, epoch: number): void {
  if (epoch > election.epoch) election.leader = null;
  election.epoch = epoch;
  startListening(election);
}

function beatOf({ epoch, node }: Election, resigns: boolean): ElectionEffect {
  return { kind: "beat", beat: { v: 1, epoch, node, resigns } };
}
