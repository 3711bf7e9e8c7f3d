import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandomness } from "../../shared/actor/randomness.ts";
import { type Candidate, ElectionModel, times } from "../support/election-model.ts";

type Disturbance = {
  readonly afterMs: number;
  readonly who: number;
  readonly what: "start" | "pause" | "wake" | "cut" | "mend" | "stop" | "kill";
};
const disturbances = fc.array(
  fc.record({
    afterMs: fc.nat({ max: 6_000 }),
    who: fc.nat(),
    what: fc.constantFrom<Disturbance["what"]>("start", "pause", "wake", "cut", "mend", "stop", "kill"),
  }),
  { maxLength: 40 },
);

function model(seed: number): ElectionModel {
  const randomness = seededRandomness(seed);
  return new ElectionModel(() => randomness.fraction());
}

function disturb(world: ElectionModel, { who, what }: Disturbance): void {
  if (what === "start" && world.candidates.length < 8) world.start(`n${world.candidates.length}`);
  const alive = world.candidates.filter(({ election }) => election.phase !== "ended");
  const candidate = alive[who % Math.max(1, alive.length)];
  if (candidate === undefined) return;
  if (what === "pause") world.pause(candidate);
  else if (what === "wake") world.wake(candidate);
  else if (what === "cut" || what === "mend") world.connect(candidate, what === "mend");
  else if (what === "stop" && !candidate.isPaused) world.stop(candidate);
  else if (what === "kill") world.kill(candidate);
}

function checkInvariants(world: ElectionModel, highest: Map<Candidate, number>): void {
  const { claims, terms, candidates, lastEpoch } = world;
  const winners = new Map(claims.map(({ name, epoch }) => [epoch, name]));
  expect(claims.map(({ epoch }) => epoch)).toEqual([...winners.keys()].sort((a, b) => a - b));
  expect(new Set(terms.map(({ epoch }) => epoch)).size).toBe(terms.length);
  for (const { name, epoch } of terms) expect(winners.get(epoch)).toBe(name);
  for (const candidate of candidates) {
    const { epoch, phase } = candidate.election;
    expect(epoch).toBeGreaterThanOrEqual(highest.get(candidate) ?? 0);
    expect(epoch).toBeLessThanOrEqual(lastEpoch);
    if (phase === "leading") expect(winners.get(epoch)).toBe(candidate.name);
    highest.set(candidate, epoch);
  }
}

function start(afterMs: number): Disturbance {
  return { afterMs, who: 0, what: "start" };
}

describe("an election", () => {
  it("gives each epoch to one leader, whatever is paused, cut off, killed or lost, and elects one in the calm", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(0, 0.1, 0.5), disturbances, (seed, loss, plan) => {
        const world = model(seed);
        const highest = new Map<Candidate, number>();
        world.lostBeats = loss;
        world.failedClaims = loss;
        world.maxDelayMs = loss === 0 ? 5 : 800;
        world.start("n0");
        for (const step of plan) {
          world.advance(step.afterMs);
          disturb(world, step);
          checkInvariants(world, highest);
        }
        world.lostBeats = 0;
        world.failedClaims = 0;
        world.maxDelayMs = 5;
        world.start("last");
        for (const candidate of world.candidates) {
          world.wake(candidate);
          world.connect(candidate, true);
        }
        world.advance(2 * times.silenceMs);
        checkInvariants(world, highest);
        const [leader, ...more] = world.leaders;
        expect(more).toEqual([]);
        expect(leader?.election.epoch).toBe(world.lastEpoch);
        const epochs = world.lastEpoch;
        world.advance(60_000);
        expect(world.lastEpoch).toBe(epochs);
      }),
      { numRuns: 1_000 },
    );
  }, 60_000);

  it("comes to a leader whom agents obey, whatever claims a power cut takes from the journal", () => {
    fc.assert(
      fc.property(fc.nat(), disturbances, fc.integer({ min: 1, max: 4 }), (seed, plan, lost) => {
        const world = model(seed);
        world.start("n0");
        for (const step of plan) {
          world.advance(step.afterMs);
          disturb(world, step);
          world.tellOfObeyed();
        }
        world.losePower(lost);
        world.start("last");
        for (const candidate of world.candidates) {
          world.wake(candidate);
          world.connect(candidate, false);
          world.connect(candidate, true);
        }
        for (let beat = 0; beat < 20; beat++) {
          world.advance(times.beatMs);
          world.tellOfObeyed();
        }
        const [leader, ...more] = world.leaders;
        expect(more).toEqual([]);
        expect(leader?.election.epoch).toBe(world.lastEpoch);
        expect(world.obeyed).toBe(world.lastEpoch);
        const epochs = world.lastEpoch;
        world.advance(60_000);
        expect(world.lastEpoch).toBe(epochs);
      }),
      {
        numRuns: 500,
        examples: [
          // Its claim is stored, and lost, while the answer is on its way.
          [0, [start(0), start(5)], 1],
          // So is one that is being confirmed.
          [
            0,
            [{ afterMs: 1_768, who: 0, what: "pause" }, { afterMs: 3_000, who: 0, what: "wake" }, start(1)],
            1,
          ],
        ],
      },
    );
  }, 60_000);

  it("is over within a round trip for the first, and leaves the first in office when others start", () => {
    const world = model(1);
    world.start("first");
    world.advance(50);
    expect(world.leaders.map(({ name }) => name)).toEqual(["first"]);
    for (const name of ["second", "third"]) world.start(name);
    world.advance(60_000);
    expect(world.claims.map(({ name }) => name)).toEqual(["first"]);
  });

  it("has a new leader 3 s after the last beat of one that was killed, and at once after one that resigns", () => {
    const world = model(2);
    const first = world.start("first");
    world.advance(1_000);
    const second = world.start("second");
    world.advance(5_000);
    world.kill(first);
    const lastBeatMs = world.beats.at(-1)?.atMs ?? 0;
    world.advance(lastBeatMs + times.silenceMs - world.nowMs);
    expect(world.leaders).toEqual([]);
    world.advance(times.beatMs + 50);
    expect(world.leaders).toEqual([second]);
    const third = world.start("third");
    world.advance(1_000);
    world.stop(second);
    world.advance(50);
    expect(world.leaders).toEqual([third]);
  });

  it("does not take its own pause for the leader's silence", () => {
    const world = model(3);
    world.start("first");
    world.advance(1_000);
    const second = world.start("second");
    for (let pause = 0; pause < 5; pause++) {
      world.advance(2_000);
      world.pause(second);
      world.advance(20_000);
      world.wake(second);
    }
    world.advance(10_000);
    expect(world.claims.map(({ name }) => name)).toEqual(["first"]);
  });

  it("does not take the loss of its own connection for the leader's silence", () => {
    const world = model(4);
    world.start("first");
    world.advance(1_000);
    const second = world.start("second");
    world.advance(2_000);
    world.connect(second, false);
    world.advance(20_000);
    world.connect(second, true);
    world.advance(10_000);
    expect(world.claims.map(({ name }) => name)).toEqual(["first"]);
  });

  it("says no beat of a leader that was paused before the journal has confirmed it", () => {
    const world = model(5);
    const first = world.start("first");
    world.advance(1_000);
    world.start("second");
    world.advance(1_000);
    world.pause(first);
    world.lostBeats = 1;
    world.advance(10_000);
    expect(world.claims.map(({ name }) => name)).toEqual(["first", "second"]);
    const wokenMs = world.nowMs;
    world.wake(first);
    expect(first.election).toMatchObject({ phase: "leading", isInDoubt: true });
    world.advance(50);
    expect(first.election).toMatchObject({ phase: "watching", epoch: 2 });
    expect(world.beats.filter(({ name, atMs }) => name === "first" && atMs >= wokenMs)).toEqual([]);
  });
});
