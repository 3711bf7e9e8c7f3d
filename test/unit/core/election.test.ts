import { describe, expect, it } from "vitest";
import {
  type Election,
  type ElectionEffect,
  newElection,
  onBeat,
  onClaimed,
  onClaimFailed,
  onConfirmed,
  onConnection,
  onEnding,
  onEpochObeyed,
  onEpochSeen,
  onNobodyThere,
  onTick,
} from "../../../coordinator/core/election.ts";

const times = { beatMs: 500, silenceMs: 3_000 };
/** So many silent ticks end a standby's patience: the interval in which it heard something is not a silent one. */
const PATIENT_TICKS = 7;

const standby = (epoch = 0) => newElection("me", times, epoch, 0);
const claimed = (known: number, above = known) => [{ kind: "claim", known, above }];
const beat = (epoch: number, resigns = false) => [
  { kind: "beat", beat: { v: 1, epoch, node: "me", resigns } },
];
const confirmation = (epoch: number, hasLost = false, question = 1) => ({ question, epoch, hasLost });
const hear = (election: Election, epoch: number, { node = "other", resigns = false } = {}) =>
  onBeat(election, { v: 1, epoch, node, resigns });

/** Ticks a beat apart; returns what came of the last one, and that nothing came of those before. */
function tick(election: Election, ticks: number, everyMs = times.beatMs): ElectionEffect[] {
  for (let count = 1; count < ticks; count++) {
    expect(onTick(election, election.tickedMs + everyMs)).toEqual([]);
  }
  return onTick(election, election.tickedMs + everyMs);
}

function claiming(): Election {
  const election = standby();
  onNobodyThere(election);
  return election;
}

/** It leads epoch 1. */
function leader(): Election {
  const election = claiming();
  onClaimed(election, { kind: "won", epoch: 1 });
  return election;
}

describe("a standby", () => {
  it("claims at once where nobody is there, once, and not when it has heard a leader", () => {
    const election = standby(4);
    expect(onNobodyThere(election)).toEqual(claimed(4));
    expect(onNobodyThere(election)).toEqual([]);
    const other = standby(4);
    hear(other, 4);
    expect(other.leader).toBe("other");
    expect(onNobodyThere(other)).toEqual([]);
  });

  it("claims after a silence, of which a late tick is no more than one", () => {
    const election = standby(2);
    expect(onTick(election, 20_000)).toEqual([]);
    expect(tick(election, PATIENT_TICKS - 1)).toEqual(claimed(2));
    expect(election.phase).toBe("claiming");
    expect(tick(election, 20)).toEqual([]);
    expect(tick(standby(2), 2 * PATIENT_TICKS, times.beatMs / 2)).toEqual(claimed(2));
  });

  it("hears no leader in beats of an epoch that is over, nor in its own", () => {
    const election = standby(2);
    tick(election, PATIENT_TICKS - 1);
    expect(hear(election, 1)).toEqual([]);
    expect(hear(election, 1, { resigns: true })).toEqual([]);
    expect(hear(election, 2, { node: "me" })).toEqual([]);
    expect(election.leader).toBeNull();
    expect(tick(election, 1)).toEqual(claimed(2));
  });

  it("listens anew with each beat, each connection and each epoch that it sees", () => {
    const signs = [
      (election: Election) => hear(election, 2),
      (election: Election) => [...onConnection(election, false), ...onConnection(election, true)],
      (election: Election) => onEpochSeen(election, 3),
    ];
    for (const sign of signs) {
      const election = standby(2);
      tick(election, PATIENT_TICKS - 1);
      expect(sign(election)).toEqual([]);
      expect(tick(election, PATIENT_TICKS)).toEqual(claimed(election.epoch));
    }
  });

  it("hears no silence while it is not connected", () => {
    const election = standby();
    expect(onConnection(election, false)).toEqual([]);
    expect(tick(election, 20)).toEqual([]);
  });

  it("follows a leader that resigns at once", () => {
    const election = standby(2);
    hear(election, 2);
    expect(hear(election, 2, { resigns: true })).toEqual(claimed(2));
    expect(election.leader).toBeNull();
  });

  it("knows of no leader in an epoch that it has only seen claimed", () => {
    const election = standby(2);
    hear(election, 2);
    expect(onEpochSeen(election, 2)).toEqual([]);
    expect(election.leader).toBe("other");
    expect(onEpochSeen(election, 3)).toEqual([]);
    expect(election).toMatchObject({ epoch: 3, leader: null, phase: "watching" });
  });

  it("is not concerned with what agents obey", () => {
    const election = standby(2);
    expect(onEpochObeyed(election, 9)).toEqual([]);
    expect(tick(election, PATIENT_TICKS)).toEqual(claimed(2));
  });
});

describe("a claim", () => {
  it("that is won begins a term with a beat", () => {
    const election = claiming();
    expect(onClaimed(election, { kind: "won", epoch: 1 })).toEqual([{ kind: "lead", epoch: 1 }, ...beat(1)]);
    expect(election).toMatchObject({ phase: "leading", leader: "me", epoch: 1 });
  });

  it("is won, too, when the journal has told of it before it has answered", () => {
    const election = claiming();
    onEpochSeen(election, 1);
    expect(onClaimed(election, { kind: "won", epoch: 1 })).toContainEqual({ kind: "lead", epoch: 1 });
  });

  it("that is lost, or overtaken, begins none, and its winner has all the patience there is", () => {
    const lost = claiming();
    expect(onClaimed(lost, { kind: "lost", epoch: 3 })).toEqual([]);
    const overtaken = claiming();
    onEpochSeen(overtaken, 3);
    expect(onClaimed(overtaken, { kind: "won", epoch: 1 })).toEqual([]);
    for (const election of [lost, overtaken]) {
      expect(election).toMatchObject({ phase: "watching", epoch: 3, leader: null });
      expect(tick(election, PATIENT_TICKS)).toEqual(claimed(3));
    }
  });

  it("that is lost to a leader it has heard leaves that one known", () => {
    const election = claiming();
    hear(election, 1);
    onClaimed(election, { kind: "lost", epoch: 1 });
    expect(election.leader).toBe("other");
  });

  it("that failed is made again after another silence; the failure of an old one changes nothing", () => {
    const election = standby();
    tick(election, PATIENT_TICKS);
    expect(onClaimFailed(election)).toEqual([]);
    expect(tick(election, PATIENT_TICKS)).toEqual(claimed(0));
    const other = leader();
    onClaimFailed(other);
    expect(other.phase).toBe("leading");
  });

  it("that was under way while the connection was lost is confirmed before the first beat", () => {
    const election = claiming();
    onConnection(election, false);
    expect(onConnection(election, true)).toEqual([]);
    expect(onClaimed(election, { kind: "won", epoch: 1 })).toEqual([
      { kind: "lead", epoch: 1 },
      { kind: "confirm" },
    ]);
    expect(onTick(election, 500)).toEqual([]);
  });
});

describe("a leader", () => {
  it("says a beat at each tick, and asks the journal first when it stood still", () => {
    const election = leader();
    expect(onTick(election, 500)).toEqual(beat(1));
    expect(onTick(election, 3_500)).toEqual(beat(1));
    expect(onTick(election, 6_501)).toEqual([{ kind: "confirm" }]);
    expect(onTick(election, 7_000)).toEqual([]);
    expect(onConfirmed(election, confirmation(1))).toEqual(beat(1));
    expect(onConfirmed(election, confirmation(1))).toEqual([]);
    expect(onTick(election, 7_500)).toEqual(beat(1));
  });

  it("asks the journal when it is connected again, and believes no answer to what it asked before", () => {
    const election = leader();
    expect(onConnection(election, false)).toEqual([]);
    expect(onConnection(election, true)).toEqual([{ kind: "confirm" }]);
    onConnection(election, false);
    expect(onConnection(election, true)).toEqual([{ kind: "confirm" }]);
    expect(onConfirmed(election, confirmation(1))).toEqual([]);
    expect(onTick(election, 500)).toEqual([]);
    expect(onConfirmed(election, confirmation(1, false, 2))).toEqual(beat(1));
  });

  it("that is in doubt already asks nothing more when agents have obeyed its epoch", () => {
    const election = leader();
    onTick(election, 10_000);
    expect(onEpochObeyed(election, 1)).toEqual([]);
  });

  it("renews its term when the journal has lost what was stored, or its claim", () => {
    for (const answer of [confirmation(1, true), confirmation(0)]) {
      const election = leader();
      onTick(election, 10_000);
      const renewed = [{ kind: "stepDown", epoch: null }, ...claimed(1)];
      expect(onConfirmed(election, answer)).toEqual(renewed);
      // What was in doubt is over with the term.
      expect(onClaimed(election, { kind: "won", epoch: 2 })).toEqual([
        { kind: "lead", epoch: 2 },
        ...beat(2),
      ]);
    }
  });

  it("renews its term above an epoch that agents have obeyed, be it its own, not one below", () => {
    for (const obeyed of [1, 5]) {
      const election = leader();
      expect(onEpochObeyed(election, 0)).toEqual([]);
      expect(onEpochObeyed(election, obeyed)).toEqual([{ kind: "confirm" }]);
      expect(onConfirmed(election, confirmation(1))).toEqual([
        { kind: "stepDown", epoch: null },
        ...claimed(1, obeyed),
      ]);
    }
  });

  it("steps down for a higher epoch, whoever tells of it", () => {
    const tellers = [
      (election: Election) => onEpochSeen(election, 2),
      (election: Election) => hear(election, 2),
      (election: Election) => onConfirmed(election, confirmation(2)),
    ];
    for (const tell of tellers) {
      const election = leader();
      expect(onEpochSeen(election, 1)).toEqual([]);
      expect(tell(election)).toEqual([{ kind: "stepDown", epoch: 2 }]);
      expect(election).toMatchObject({ phase: "watching", epoch: 2 });
      expect(tick(election, PATIENT_TICKS)).toEqual(claimed(2));
    }
  });

  it("resigns when it ends; a standby has nothing to say", () => {
    expect(onEnding(leader())).toEqual(beat(1, true));
    expect(onEnding(standby())).toEqual([]);
  });
});

describe("who has ended", () => {
  it("takes no part any more", () => {
    const election = leader();
    onEnding(election);
    expect(onTick(election, 500)).toEqual([]);
    expect(hear(election, 5)).toEqual([]);
    expect(onEpochSeen(election, 5)).toEqual([]);
    expect(onNobodyThere(election)).toEqual([]);
    expect(election).toMatchObject({ phase: "ended", epoch: 1 });
  });

  it("resigns at once from an epoch that it has won nevertheless, and from no other", () => {
    const ended = () => {
      const election = claiming();
      onEnding(election);
      return election;
    };
    expect(onClaimed(ended(), { kind: "won", epoch: 1 })).toEqual(beat(1, true));
    expect(onClaimed(ended(), { kind: "lost", epoch: 1 })).toEqual([]);
    const overtaken = claiming();
    onEpochSeen(overtaken, 3);
    onEnding(overtaken);
    expect(onClaimed(overtaken, { kind: "won", epoch: 1 })).toEqual([]);
  });
});
