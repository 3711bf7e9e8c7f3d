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
  onNobodyThere,
  onTick,
} from "../../coordinator/core/election.ts";

export const times = { beatMs: 500, silenceMs: 3_000 };

/** A candidate: a process that may be paused or cut off. */
export interface Candidate {
  readonly name: string;
  readonly election: Election;
  /** What reached it while it was paused, in order. */
  readonly waiting: (() => void)[];
  isPaused: boolean;
  /** The last claim that the journal has stored for it. */
  lastClaim: StoredClaim | undefined;
}

interface StoredClaim {
  readonly name: string;
  readonly epoch: number;
}

interface Due {
  readonly atMs: number;
  readonly run: () => void;
}

/** Candidates, the journal's claims, and a network that delays and loses; time is simulated. */
export class ElectionModel {
  readonly candidates: Candidate[] = [];
  /** Claims that the journal has, in order. */
  readonly claims: StoredClaim[] = [];
  /** Who began to lead, in which epoch. */
  readonly terms: { readonly name: string; readonly epoch: number }[] = [];
  /** The highest epoch that agents have obeyed. */
  obeyed = 0;
  nowMs = 0;
  /** A chance in [0, 1) for each question. */
  readonly #chance: () => number;
  readonly beats: { readonly name: string; readonly epoch: number; readonly atMs: number }[] = [];
  /** Chance of a beat to be lost on its way to one who listens. */
  lostBeats = 0;
  /** Chance of a claim to fail. */
  failedClaims = 0;
  maxDelayMs = 5;
  #due: Due[] = [];

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  get leaders(): Candidate[] {
    return this.candidates.filter(({ election, isPaused }) => !isPaused && election.phase === "leading");
  }

  /** The last epoch claimed, as the journal has it. */
  get lastEpoch(): number {
    return this.claims.at(-1)?.epoch ?? 0;
  }

  /** A power cut takes the last claims, which were acknowledged. */
  losePower(count: number): void {
    this.claims.splice(Math.max(0, this.claims.length - count));
  }

  /** Agents obey a leader of no lower epoch than they know, and tell every other one of it. */
  tellOfObeyed(): void {
    for (const candidate of this.leaders) {
      const { election } = candidate;
      if (!election.isConnected) continue;
      if (election.epoch > this.obeyed) this.obeyed = election.epoch;
      else if (election.epoch < this.obeyed) this.#carryOut(candidate, onEpochObeyed(election, this.obeyed));
    }
  }

  start(name: string): Candidate {
    const election = newElection(name, times, this.lastEpoch, this.nowMs);
    const candidate: Candidate = { name, election, waiting: [], isPaused: false, lastClaim: undefined };
    this.candidates.push(candidate);
    const tick = (): void => {
      if (election.phase === "ended") return;
      this.#after(times.beatMs, tick);
      // A paused process has one timer due when it wakes, however long it was paused.
      if (!candidate.isPaused || candidate.waiting.at(0) !== ticked) this.#reach(candidate, ticked);
    };
    const ticked = (): void => this.#carryOut(candidate, onTick(election, this.nowMs));
    this.#after(times.beatMs * this.#chance(), tick);
    this.#after(this.#delayMs(), () => {
      const isServed = this.candidates.some(
        ({ election: { phase, isConnected } }) =>
          isConnected && (phase === "leading" || phase === "claiming"),
      );
      if (!isServed) this.#reach(candidate, () => this.#carryOut(candidate, onNobodyThere(election)));
    });
    return candidate;
  }

  pause(candidate: Candidate): void {
    candidate.isPaused = true;
  }

  /** What has come meanwhile is handled late, timers before messages. */
  wake(candidate: Candidate): void {
    candidate.isPaused = false;
    for (const run of candidate.waiting.splice(0)) run();
  }

  connect(candidate: Candidate, isConnected: boolean): void {
    if (candidate.election.isConnected === isConnected) return;
    this.#reach(candidate, () => this.#carryOut(candidate, onConnection(candidate.election, isConnected)));
  }

  /** In order, with a resignation. */
  stop(candidate: Candidate): void {
    this.#carryOut(candidate, onEnding(candidate.election));
  }

  kill(candidate: Candidate): void {
    candidate.election.phase = "ended";
    candidate.election.isConnected = false;
  }

  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    for (;;) {
      this.#due.sort((one, other) => one.atMs - other.atMs);
      const next = this.#due[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#due.shift();
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = untilMs;
  }

  #carryOut(candidate: Candidate, effects: readonly ElectionEffect[]): void {
    const { election, name } = candidate;
    for (const effect of effects) {
      switch (effect.kind) {
        case "claim":
          this.#ask(candidate, () => {
            if (this.#chance() < this.failedClaims) return () => onClaimFailed(election);
            const last = this.lastEpoch;
            if (last > effect.known) return () => onClaimed(election, { kind: "lost", epoch: last });
            const epoch = effect.above + 1;
            const made = { name, epoch };
            this.claims.push(made);
            candidate.lastClaim = made;
            return () => onClaimed(election, { kind: "won", epoch });
          });
          break;
        case "confirm": {
          const { question } = election;
          this.#ask(candidate, () => {
            const epoch = this.lastEpoch;
            const { lastClaim } = candidate;
            const hasLost = lastClaim !== undefined && !this.claims.includes(lastClaim);
            return () => onConfirmed(election, { question, epoch, hasLost });
          });
          break;
        }
        case "beat":
          this.beats.push({ name, epoch: effect.beat.epoch, atMs: this.nowMs });
          if (!election.isConnected) break;
          for (const other of this.candidates) {
            if (this.#chance() < this.lostBeats || !other.election.isConnected) continue;
            this.#after(this.#delayMs(), () =>
              this.#reach(other, () => this.#carryOut(other, onBeat(other.election, effect.beat))),
            );
          }
          break;
        case "lead":
          this.terms.push({ name, epoch: effect.epoch });
          break;
        case "stepDown":
          break;
      }
    }
  }

  /** A question to the journal: it repeats while the connection is down, and its answer takes its time. */
  #ask(candidate: Candidate, act: () => () => ElectionEffect[]): void {
    this.#after(this.#delayMs(), () => {
      if (!candidate.election.isConnected) return this.#ask(candidate, act);
      const answer = act();
      this.#after(this.#delayMs(), () => this.#reach(candidate, () => this.#carryOut(candidate, answer())));
    });
  }

  #reach(candidate: Candidate, run: () => void): void {
    if (candidate.isPaused) candidate.waiting.push(run);
    else run();
  }

  #after(delayMs: number, run: () => void): void {
    this.#due.push({ atMs: this.nowMs + delayMs, run });
  }

  #delayMs(): number {
    return this.#chance() * this.maxDelayMs;
  }
}
