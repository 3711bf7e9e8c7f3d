import { describe, expect, it } from "vitest";
import { seededRandomness } from "../../shared/actor/randomness.ts";
import { CoordinatorWorld, SimulatedAgent } from "../support/coordinator-world.ts";
import type { Sketch } from "../support/run-driver.ts";

const SEEDS = Number(process.env.MILLRACE_SIM_SEEDS ?? 40);

/** A random graph of up to 25 jobs. */
function randomSketch(chance: () => number): Sketch {
  const size = 3 + Math.floor(chance() * 22);
  const sketch: Record<string, { needs: string[] }> = {};
  for (let index = 0; index < size; index++) {
    const needs = Object.keys(sketch).filter(() => chance() < 2 / (index + 1));
    sketch[`j${index}`] = { needs };
  }
  return sketch;
}

const networks = {
  calm: {},
  faulty: { minDelayMs: 0, maxDelayMs: 30, double: 0.1, reorder: 0.05, lose: 0.05 },
};

describe.each(Object.entries(networks))(
  "a coordinator that crashes at any moment, on a %s network",
  (_, faults) => {
    it.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
      "ends the run right, each job started once and in order, seed %i",
      async (seed) => {
        const randomness = seededRandomness(seed);
        const chance = (): number => randomness.fraction();
        const world = new CoordinatorWorld(seed, faults);
        const sketch = randomSketch(chance);
        const finishedAt = new Map<string, number>();
        const agents = ["one", "two"].map((name) => {
          const agent: SimulatedAgent = new SimulatedAgent(world, name, (request) => {
            world.clock.schedule(1 + Math.floor(chance() * 400), () => {
              finishedAt.set(request.spec.name, world.clock.monotonicMs());
              agent.finish(request);
            });
            return undefined;
          });
          return agent;
        });
        let coordinator = await world.startCoordinator();
        await world.submit("r1", sketch);
        for (let crash = 0; crash < 6; crash++) {
          await world.clock.advance(Math.floor(chance() * 700));
          coordinator.crash();
          await world.clock.advance(Math.floor(chance() * 300));
          coordinator = await world.startCoordinator();
        }
        await world.clock.advance(30_000);
        const view = await world.view("r1");
        expect(view).toMatchObject({ status: "succeeded" });

        const started = agents.flatMap((agent) => agent.started);
        expect(started.map((request) => request.spec.name).sort()).toEqual(Object.keys(sketch).sort());
        const events = world.events("r1");
        expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
        const succeededInOrder = events.flatMap((event) =>
          event.type === "job.succeeded" ? [event.job] : [],
        );
        for (const [name, { needs = [] }] of Object.entries(sketch)) {
          for (const need of needs) {
            expect(succeededInOrder.indexOf(need)).toBeLessThan(succeededInOrder.indexOf(name));
          }
        }
      },
    );
  },
);
