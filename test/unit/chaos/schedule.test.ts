import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lengthMs } from "../../chaos/fault.ts";
import { drawSchedule, type ScheduleOptions } from "../../chaos/schedule.ts";

const options: ScheduleOptions = {
  seed: 7,
  lengthMs: 600_000,
  paceMs: 1_500,
  lostAfterMs: 5_000,
  coordinators: ["c1", "c2"],
  agents: ["a1", "a2", "a3"],
  servers: ["n1", "n2", "n3"],
  watchers: ["watcher"],
};

const drawn = fc.integer({ min: 0, max: 1_000_000 }).map((seed) => drawSchedule({ ...options, seed }));

describe("a schedule of faults", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(drawSchedule(options)).toEqual(drawSchedule(options));
    expect(drawSchedule({ ...options, seed: 8 })).not.toEqual(drawSchedule(options));
  });

  it("strikes no target that has not got over the last fault, and one server at a time", () => {
    fc.assert(
      fc.property(drawn, (strikes) => {
        const overMs = new Map<string, number>();
        for (const { atMs, fault } of strikes) {
          const who = options.servers.includes(fault.target) ? "servers" : fault.target;
          expect(atMs).toBeGreaterThan(overMs.get(who) ?? 0);
          overMs.set(who, atMs + lengthMs(fault));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("is over before the end", () => {
    fc.assert(
      fc.property(drawn, (strikes) => {
        for (const { atMs, fault } of strikes) {
          expect(atMs + lengthMs(fault)).toBeLessThan(options.lengthMs);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("has hundreds of faults in ten minutes, each kind for each target that can have it", () => {
    const strikes = drawSchedule(options);
    expect(strikes.length).toBeGreaterThan(200);
    const struck = new Set(strikes.map(({ fault }) => `${fault.kind} ${fault.target}`));
    for (const target of [...options.coordinators, ...options.agents, ...options.servers]) {
      for (const kind of ["kill", "stop", "pause"]) expect(struck).toContain(`${kind} ${target}`);
    }
    for (const target of [...options.coordinators, ...options.agents, ...options.watchers]) {
      for (const kind of ["cut", "silence"]) expect(struck).toContain(`${kind} ${target}`);
    }
    expect(strikes.some(({ fault }) => lengthMs(fault) > options.lostAfterMs)).toBe(true);
  });
});
