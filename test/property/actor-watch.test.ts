import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActorRef, Behaviour, Terminated } from "../../shared/actor/contract.ts";
import type { NetworkEvent } from "../../shared/actor/memory-network.ts";
import { ActorWorld, type Node } from "../support/actor-world.ts";

const TARGETS = 4;
const OPTIONS = { serialiseLocal: true, pingMs: 1000, nodeTimeoutMs: 5000 };

type Step =
  | { readonly kind: "watch" | "unwatch"; readonly watcher: number; readonly target: number }
  | { readonly kind: "stop" | "fail" | "crash"; readonly target: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "cut" | "heal" | "restartNode" };

const target = fc.integer({ min: 0, max: TARGETS - 1 });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("watch" as const, "unwatch" as const),
      watcher: fc.integer({ min: 0, max: 2 }),
      target,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("stop", "fail", "crash"), target }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 3000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("cut", "heal", "restartNode") }) },
);

type Command =
  | { readonly kind: "watch" | "unwatch"; readonly target: ActorRef<never>; readonly name: string }
  | { readonly kind: "terminated"; readonly name: string; readonly terminated: Terminated };

/** Counts, for each target it watches, how many Terminated it is owed and how many it got. */
class Watcher implements Behaviour<Command> {
  readonly open = new Set<string>();
  readonly surprises: string[] = [];
  told = 0;

  receive(command: Command, context: Parameters<Behaviour<Command>["receive"]>[1]): void {
    const { name } = command;
    switch (command.kind) {
      case "watch":
        context.watch(command.target, (terminated) => ({ kind: "terminated", name, terminated }));
        this.open.add(name);
        break;
      case "unwatch":
        context.unwatch(command.target);
        this.open.delete(name);
        break;
      case "terminated":
        if (!this.open.delete(name)) this.surprises.push(name);
        this.told++;
    }
  }
}

/** Watchers on one node, targets half on theirs and half on another, and a schedule of what happens to them. */
async function simulate(seed: number, steps: readonly Step[]) {
  const world = new ActorWorld(seed, {
    minDelayMs: 0,
    maxDelayMs: 300,
    lose: 0.1,
    double: 0.1,
    reorder: 0.2,
  });
  const trace: NetworkEvent[] = [];
  world.network.trace((event) => trace.push(event));
  const one = world.node("one", OPTIONS);
  let two = world.node("two", OPTIONS);
  const watchers = [new Watcher(), new Watcher(), new Watcher()];
  const watcherRefs = watchers.map((watcher, index) => one.system.spawn<Command>(`w${index}`, () => watcher));
  const nodeOf = (index: number): Node => (index % 2 === 0 ? one : two);
  const living = new Map<number, ActorRef<string>>();
  const spawnTarget = (index: number): void => {
    const made = nodeOf(index).system.spawn<string>(
      `t${index}`,
      () => ({
        receive: (message) => {
          throw new Error(message);
        },
      }),
      {
        supervision: {
          decide: (error) => ((error as Error).message === "fail" ? "stop" : "restart"),
          maxRestarts: 2,
        },
      },
    );
    living.set(index, made);
  };
  for (let index = 0; index < TARGETS; index++) spawnTarget(index);
  await world.settle();
  for (const step of steps) {
    switch (step.kind) {
      case "watch":
      case "unwatch": {
        const name = `t${step.target}`;
        const ref = one.system.refTo<never>(step.target % 2 === 0 ? "one" : "two", `/${name}`);
        watcherRefs[step.watcher]!.tell({ kind: step.kind, target: ref, name });
        break;
      }
      case "stop":
        nodeOf(step.target).system.stopActor(living.get(step.target)!);
        break;
      case "fail":
      case "crash":
        living.get(step.target)!.tell(step.kind);
        break;
      case "wait":
        await world.clock.advance(step.ms);
        break;
      case "cut":
        world.network.partition(["one"], ["two"]);
        break;
      case "heal":
        world.network.heal();
        break;
      case "restartNode":
        await world.settle();
        await two.transport.close();
        two = world.node("two", OPTIONS);
        for (let index = 1; index < TARGETS; index += 2) spawnTarget(index);
    }
    await world.settle();
  }
  world.network.heal();
  world.network.faults = {};
  for (const [index, ref] of living) nodeOf(index).system.stopActor(ref);
  await world.clock.advance(60_000);
  return { world, watchers, trace };
}

describe("death watch under faults", () => {
  it("gives each watcher one Terminated for each watch it keeps, whatever happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(stepArbitrary, { maxLength: 40 }), async (seed, steps) => {
        const { world, watchers } = await simulate(seed, steps);
        for (const { open, surprises } of watchers) {
          expect([...open]).toEqual([]);
          expect(surprises).toEqual([]);
        }
        expect(world.clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("runs the same way twice from the same seed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(stepArbitrary, { maxLength: 30 }), async (seed, steps) => {
        const first = await simulate(seed, steps);
        const second = await simulate(seed, steps);
        expect(second.trace).toEqual(first.trace);
        expect(second.watchers.map(({ told }) => told)).toEqual(first.watchers.map(({ told }) => told));
      }),
      { numRuns: 20 },
    );
  }, 60_000);
});
