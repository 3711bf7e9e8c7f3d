/**
 * How a run comes to a leader: a new one is opened, a stored one is taken over. To take over is to claim:
 *
 *   load (or what was followed as a standby) ──▶ append `claimed` ──stored──▶ taken over
 *                      ▲                           │  ▲         │
 *                      │                           │  └─────────┴── events ahead: claim once more, behind them
 *                      └── read what came between ◀┴──conflict──▶ of a higher epoch: deposed
 *
 * Safe: 1. nothing of the run is decided or told before its claim is stored: from then on whatever an earlier leader
 * has queued is refused by its sequence; 2. the claim expects the last entry that is folded, so the state is the
 * journal's; 3. no number of an event is given twice, also when the journal has lost, in a power cut, the records behind
 * events that are told: it goes on behind the last of them. Live: 4. an earlier leader that writes meanwhile only makes it
 * read a little more.
 */
import type { Context } from "../../shared/actor/contract.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import * as decide from "../core/run-decide.ts";
import type { RunState } from "../core/run-state.ts";
import { type NewRun, newRun } from "../journal/new-run.ts";
import { loadRun } from "../journal/run-loader.ts";
import type { RunReplay } from "../journal/run-replay.ts";
import type { RunOrigin, RunSurroundings } from "./run-surroundings.ts";

export type OpenedRun =
  /** Its first record is still to be appended. */
  | ({ readonly kind: "new"; readonly seq: 0; readonly tail: 0 } & NewRun)
  | {
      readonly kind: "takenOver";
      readonly state: RunState;
      /** Sequence of its last entry. */
      readonly seq: number;
      /** Records behind the snapshot that it was loaded from. */
      readonly tail: number;
      readonly missingEvents: readonly RunEvent[];
    }
  /** A leader of this epoch has written to it. */
  | { readonly kind: "deposed"; readonly epoch: number };

type Tools = Pick<Context<never>, "now" | "id">;

/** Opens a run from where it comes. What can't be run of a submission is refused as its reader says. */
export async function openRun(
  surroundings: RunSurroundings,
  origin: RunOrigin,
  tools: Tools,
): Promise<OpenedRun> {
  const { run } = surroundings;
  if (!origin.isStored) {
    if (origin.submission === undefined) {
      throw new MillraceError("internal", "a new run without a submission");
    }
    return { kind: "new", seq: 0, tail: 0, ...(await newRun(run, origin.submission, surroundings)) };
  }
  const { followed } = origin;
  // It serves once: an actor that has failed may have left its state anyhow.
  origin.followed = undefined;
  const replay = followed ?? (await loadRun(run, surroundings));
  try {
    return await takeOver(surroundings, replay, tools);
  } catch (error) {
    // Nobody has had its state yet, so the next try goes on with what is read.
    if (isUnavailable(error)) origin.followed = replay;
    throw error;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof MillraceError && error.code === "unavailable";
}

async function takeOver(
  surroundings: RunSurroundings,
  followed: RunReplay,
  tools: Tools,
): Promise<OpenedRun> {
  const { run, epoch, journal, eventLog, codec, counters } = surroundings;
  let replay = followed;
  let lastTold = 0;
  for (;;) {
    if (replay.epoch > epoch) return { kind: "deposed", epoch: replay.epoch };
    const claim = decide.onTakenOver(replay.state, tools.now(), lastTold);
    if (claim.length === 0) break;
    const payload = codec.encode(claim);
    // Kept: an entry that was being followed may be taken in meanwhile.
    const expectedSeq = replay.seq;
    const result = await journal.append({ run, epoch, batch: tools.id(), expectedSeq, payload });
    if (result.kind === "stored") {
      await replay.apply({ run, seq: result.seq, epoch, payload });
      lastTold = await eventLog.lastSeq(run);
      if (lastTold <= replay.state.eventSeq) break;
    } else if (result.seq <= expectedSeq) {
      // A power cut has taken its last entries: the run is what is left.
      replay = await loadRun(run, surroundings);
    } else for await (const entry of journal.read(run, replay.seq)) await replay.apply(entry);
  }
  counters.count("journal.staleEpoch", replay.refused);
  replay.onEventsStored(lastTold === 0 ? await eventLog.lastSeq(run) : lastTold);
  const { state, seq, tail, missingEvents } = replay;
  return { kind: "takenOver", state, seq, tail, missingEvents };
}
