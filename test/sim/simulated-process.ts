/**
 * A process of the simulated cluster, as its own clock: whatever runs in it does so by a timer or by something that
 * arrives from outside.
 *
 *   running ⇄ paused          what falls due while it is paused runs when it goes on, as after SIGSTOP and SIGCONT
 *      └───────┴──▶ dead      nothing of it ever runs again, as after SIGKILL
 *
 * Its wall clock may be wrong, and may jump; its monotonic clock counts from a point of its own.
 */
import type { Cancel, Clock } from "../../shared/actor/contract.ts";
import type { VirtualClock } from "../../shared/actor/virtual-clock.ts";
import type { Chance } from "./chance.ts";

type Origin = "timer" | "arrival";

interface Task {
  readonly origin: Origin;
  run: (() => void) | undefined;
}

export class SimulatedProcess implements Clock {
  readonly name: string;
  state: "running" | "paused" | "dead" = "running";
  /** How far its wall clock is ahead. */
  skewMs: number;
  readonly #world: VirtualClock;
  readonly #chance: Chance;
  readonly #startedMs: number;
  /** It is busy: whatever is to be done at once waits for so long at most, and others come first. */
  lagMs = 0;
  #overdue: Task[] = [];

  constructor(name: string, world: VirtualClock, chance: Chance, skewMs: number) {
    this.name = name;
    this.#chance = chance;
    this.#world = world;
    this.#startedMs = world.monotonicMs();
    this.skewMs = skewMs;
  }

  now(): number {
    return this.#world.now() + this.skewMs;
  }

  monotonicMs(): number {
    return this.#world.monotonicMs() - this.#startedMs;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const task: Task = { origin: "timer", run };
    const lagMs = delayMs === 0 && this.lagMs > 0 ? this.#chance.between(0, this.lagMs) : 0;
    const cancel = this.#world.schedule(delayMs + lagMs, () => this.#enter(task));
    return () => {
      task.run = undefined;
      cancel();
    };
  }

  /** Something has come in from outside: a message, an answer, the end of a child. */
  arrive(run: () => void): Cancel {
    const task: Task = { origin: "arrival", run };
    this.#enter(task);
    return () => {
      task.run = undefined;
    };
  }

  pause(): void {
    if (this.state === "running") this.state = "paused";
  }

  /** Goes on with what has come meanwhile; which of timers and arrivals goes first depends on where it was stopped. */
  resume(first: Origin): void {
    if (this.state !== "paused") return;
    this.state = "running";
    const overdue = this.#overdue;
    this.#overdue = [];
    for (const task of overdue) if (task.origin === first) this.#later(task);
    for (const task of overdue) if (task.origin !== first) this.#later(task);
  }

  kill(): void {
    this.state = "dead";
    this.#overdue = [];
  }

  #later(task: Task): void {
    this.#world.schedule(0, () => this.#enter(task));
  }

  #enter(task: Task): void {
    if (this.state === "paused") this.#overdue.push(task);
    if (this.state !== "running" || task.run === undefined) return;
    const { run } = task;
    task.run = undefined;
    run();
  }
}
