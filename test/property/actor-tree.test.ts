import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import type { ActorSnapshot } from "../../shared/actor/inspector.ts";
import { ActorWorld } from "../support/actor-world.ts";

type Command = "spawn" | "fail" | "slow" | "stop" | "stopChild";

/** An actor that grows and breaks on command, and checks that its life follows the rules. */
class Shaky implements Behaviour<Command> {
  private readonly lives: Lives;
  private phase: "made" | "started" | "stopped" = "made";
  private children: ActorRef<Command>[] = [];
  private isBusy = false;

  constructor(lives: Lives) {
    this.lives = lives;
    lives.made++;
  }

  async started(context: Context<Command>): Promise<void> {
    this.expect(this.phase === "made", "started twice");
    if (context.fraction() < 0.3) await Promise.resolve();
    if (context.fraction() < 0.1) throw new Error("no start");
    this.phase = "started";
  }

  receive(command: Command, context: Context<Command>): void | Promise<void> {
    this.expect(this.phase === "started" && !this.isBusy, `${command} out of turn`);
    switch (command) {
      case "spawn":
        this.spawnChild(context);
        return;
      case "fail":
        throw new Error("told to");
      case "slow":
        return this.wait(context);
      case "stop":
        context.stop();
        return;
      case "stopChild": {
        const child = this.children.shift();
        if (child !== undefined) context.stop(child);
      }
    }
  }

  stopped(): void {
    this.expect(this.phase !== "stopped", "stopped twice");
    this.phase = "stopped";
    this.lives.stopped++;
  }

  private spawnChild(context: Context<Command>): void {
    const decide = (): "restart" | "stop" | "escalate" =>
      context.fraction() < 0.5 ? "restart" : context.fraction() < 0.5 ? "stop" : "escalate";
    const backoff = { minMs: 10, maxMs: 100 };
    const supervision = context.fraction() < 0.5 ? { decide, backoff } : { decide, maxRestarts: 1 };
    const child = context.spawn<Command>(context.id(), () => new Shaky(this.lives), { supervision });
    this.children.push(child);
    this.lives.refs.push(child);
  }

  private async wait(context: Context<Command>): Promise<void> {
    this.isBusy = true;
    await new Promise<void>((resolve) => this.lives.later(resolve));
    this.isBusy = false;
    if (context.fraction() < 0.2) throw new Error("slow failure");
  }

  private expect(holds: boolean, complaint: string): void {
    if (!holds) this.lives.complaints.push(complaint);
  }
}

interface Lives {
  made: number;
  stopped: number;
  readonly refs: ActorRef<Command>[];
  readonly complaints: string[];
  later(run: () => void): void;
}

function count(tree: readonly ActorSnapshot[]): number {
  return tree.reduce((sum, { children }) => sum + 1 + count(children), 0);
}

const command = fc.constantFrom<Command>("spawn", "spawn", "spawn", "fail", "slow", "stop", "stopChild");
const step = fc.record({ actor: fc.nat(), command, waitMs: fc.constantFrom(0, 0, 0, 7, 50) });

describe("a tree of actors", () => {
  it("keeps every life in order and every end single, whatever is spawned, stopped and crashed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 120 }), async (seed, steps) => {
        const world = new ActorWorld(seed);
        const { system } = world.node("n");
        const lives: Lives = {
          made: 0,
          stopped: 0,
          refs: [],
          complaints: [],
          later: (run) => world.clock.schedule(5, run),
        };
        const supervision = { maxRestarts: 1000 };
        lives.refs.push(system.spawn<Command>("root", () => new Shaky(lives), { supervision }));
        const ends = new Map<string, number>();
        const watched = new Set<ActorRef<Command>>();
        for (const { actor, command: given, waitMs } of steps) {
          for (const ref of lives.refs) {
            if (watched.has(ref)) continue;
            watched.add(ref);
            void system.whenTerminated(ref).then(({ path }) => ends.set(path, (ends.get(path) ?? 0) + 1));
          }
          lives.refs[actor % lives.refs.length]!.tell(given);
          await world.clock.advance(waitMs);
          expect(count(system.tree({ maxChildren: 1000 }))).toBe(system.counters.living);
        }
        const stop = system.stop({ timeoutMs: 10_000 });
        await world.clock.advance(20_000);
        expect(await stop).toEqual({ unfinished: [] });
        expect(lives.complaints).toEqual([]);
        expect(lives.stopped).toBe(lives.made);
        expect([...ends.values()].filter((times) => times !== 1)).toEqual([]);
        expect(ends.size).toBe(watched.size);
        expect(world.clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
