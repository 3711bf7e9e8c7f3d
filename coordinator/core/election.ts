/**
 * Who leads a namespace: one coordinator's part in the election. Terms are numbered by epochs, and the journal holds
 * a claim for each; a claim is a compare-and-set, so that one coordinator at most has an epoch.
 *
 *   watching ──silence, resignation, nobody there──▶ claiming ──won──▶ leading
 *      ▲                                               │  ▲               │
 *      ├───────────────── lost, or failed ─────────────┘  └── renewing ───┤
 *      └───────────────── a higher epoch seen ────────────────────────────┘      (each of them ──▶ ended)
 *
 * The leader says a beat at each tick. Beats of an epoch lower than the highest one known count for nothing.
 *
 * A power cut may take from the journal what it has acknowledged: claims, too. Then agents have heard epochs that no
 * claim tells of, and obey no lower one. So a leader that learns of such an epoch, or that its journal has gone back,
 * renews its term: it ends what it did, and claims an epoch above all that it knows.
 *
 * Safe: 1. it leads only with an epoch that it has claimed, and never once it has seen a higher one; 2. it claims an
 * epoch only as long as nobody has claimed one above the highest it knows, so of two that missed the same leader one
 * loses; 3. a leader that may have been away (it was paused, or its connection was) says no beat before the journal has
 * confirmed its epoch, asked after it was back. That two lead for a moment all the same harms nothing: appends, orders and answers are fenced by
 * the epoch; 4. a leader that was deposed and hears of its successor's epoch from an agent does not renew its term: the
 * journal tells it of that claim first.
 * Live: 5. silence counts for as long as it listens: what it missed while it was disconnected or did not run says
 * nothing of the leader, and as each tick counts, a slow process comes to its claim, too; 6. a claim that failed is
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
  /** It leads, or is about to, but may have been deposed without having noticed. */
  isInDoubt: boolean;
  /** How often the journal was asked to confirm: an answer to an earlier question may be older than what it is asked for. */
  question: number;
  /** The highest epoch that agents have obeyed and that is not of a claim it knows; 0 for none. */
  obeyed: number;
}

/** What the journal says to a leader in doubt. */
export interface Confirmation {
  /** The election's `question` when it was asked. */
  readonly question: number;
  /** The epoch that was claimed last. */
  readonly epoch: number;
  /** Something that was stored is there no more. */
  readonly hasLost: boolean;
}

/** An agent that has obeyed an epoch so far above the leader's is not believed. */
export const MOST_EPOCHS_LOST = 1_000_000;

export type ElectionEffect =
  /** Claim the epoch after `above`, unless somebody has claimed one after `known`. */
  | { readonly kind: "claim"; readonly known: number; readonly above: number }
  | { readonly kind: "lead"; readonly epoch: number }
  /** The term is over: by the claim of this epoch, or, with null, to be renewed. */
  | { readonly kind: "stepDown"; readonly epoch: number | null }
  | { readonly kind: "beat"; readonly beat: Beat }
  /** Ask the journal which epoch was claimed last, and whether it has all that was stored. */
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
    question: 0,
    obeyed: 0,
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
  if (!isConnected) return [];
  // What is claimed may be gone before it is known to be won.
  if (election.phase === "claiming") election.isInDoubt = true;
  // Also when it has asked before: that answer may tell of a time before the server was away.
  return election.phase === "leading" ? doubt(election) : [];
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
  const first = election.isInDoubt ? doubt(election) : [beatOf(election, false)];
  return [{ kind: "lead", epoch: election.epoch }, ...first];
}

export function onClaimFailed(election: Election): ElectionEffect[] {
  return election.phase === "claiming" ? watch(election) : [];
}

/** What the journal says when it is asked. */
export function onConfirmed(
  election: Election,
  { question, epoch, hasLost }: Confirmation,
): ElectionEffect[] {
  const effects = onEpochSeen(election, epoch);
  if (election.phase !== "leading" || !election.isInDoubt || question !== election.question) return effects;
  election.isInDoubt = false;
  const isWhole = epoch === election.epoch && !hasLost && election.obeyed < election.epoch;
  return isWhole ? [beatOf(election, false)] : renew(election);
}

/** An agent has obeyed this epoch, though not by an order of this leader. */
export function onEpochObeyed(election: Election, epoch: number): ElectionEffect[] {
  if (election.phase !== "leading" || epoch < election.epoch) return [];
  election.obeyed = Math.max(election.obeyed, epoch);
  return election.isInDoubt ? [] : doubt(election);
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
  election.isInDoubt = false;
  const { epoch: known, obeyed } = election;
  return [{ kind: "claim", known, above: Math.max(known, obeyed) }];
}

/** What it holds of the term does not count any more: it begins another one with what the journal has. */
function renew(election: Election): ElectionEffect[] {
  watch(election);
  return [{ kind: "stepDown", epoch: null }, ...claim(election)];
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
  election.question += 1;
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
