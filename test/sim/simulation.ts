/**
 * One simulation: a cluster drawn from a seed, runs and commands drawn from it, faults for a while, then peace. All the
 * while judges look on from outside; the first broken promise ends it.
 *
 *   troubled ──all healed──▶ healing ──every run ended──▶ probing ──its run ended──▶ quiet ──▶ judged
 *
 * In peace every run must end within a bound. The probe is one more run, with a job for each agent that takes the
 * whole of it: it ends only if no slot was left taken. In the quiet nobody may have anything left to say.
 */
import { Cluster } from "./cluster.ts";
import { Commands, PROBE } from "./commands.ts";
import { scheduleFaults } from "./faults.ts";
import { Housekeeping } from "./housekeeping.ts";
import { writeScript } from "./job-script.ts";
import { Court } from "./judges/court.ts";
import { judgeEnd } from "./judges/end-judge.ts";
import { collectNextDay } from "./next-day.ts";
import { plantPast } from "./past.ts";
import { keptInPowerCuts, schedulePowerCut } from "./power-cut.ts";
import { scheduleMemoryTrouble } from "./reuse-course.ts";
import type { Submission } from "./workload.ts";
import { World } from "./world.ts";

export interface Finding {
  readonly promise: string;
  readonly atMs: number;
  readonly what: string;
}

export interface SimulationResult {
  readonly seed: number;
  /** The first broken promise. */
  readonly finding: Finding | undefined;
  readonly coverage: readonly (readonly [string, number])[];
  readonly virtualMs: number;
  readonly trace: readonly string[];
}

/** Virtual time in which every run must have ended once nothing goes wrong any more. */
const HEALING_MS = 1_800_000;
const PROBE_MS = 120_000;
/** Longer than the longest wait before a report is repeated; most seeds wait for the usual ones only. */
const LONG_QUIET_MS = 40_000;
const SHORT_QUIET_MS = 6_000;
/** Within this time an agent has heard what it is to end, and has ended it. */
const STRAY_MS = 10_000;
const PROBE_JOB_MS = 50;
/** What was just reported at the beginning of the quiet is settled within this time. */
const SETTLING_MS = 3_000;

export async function simulate(
  seed: number,
  options: { readonly isTraced: boolean },
): Promise<SimulationResult> {
  return new Simulation(seed, options.isTraced).run();
}

class Simulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #court: Court;
  readonly #cluster: Cluster;
  readonly #commands: Commands;
  #finding: Finding | undefined;

  constructor(seed: number, isTraced: boolean) {
    this.#seed = seed;
    const complain = (promise: string, what: string): void => this.#onBroken(promise, what);
    this.#world = new World({
      seed,
      isTraced,
      report: (promise, node, what) => complain(promise, `${node}: ${what}`),
      onPublished: (node, subject, payload) => {
        this.#court.onPublished(node, subject, payload);
        this.#commands.onPublished(subject);
      },
    });
    this.#cluster = new Cluster(this.#world, {
      onStarted: (host, truth) => this.#court.onStarted(host, truth),
      onEnded: (host, truth) => this.#court.onEnded(host, truth),
    });
    this.#court = new Court(this.#world, this.#cluster, complain, (run, status) =>
      this.#commands.onEnded(run, status),
    );
    this.#commands = new Commands(this.#cluster, this.#court.journal, complain);
  }

  async run(): Promise<SimulationResult> {
    try {
      await this.#live();
    } catch (error) {
      this.#onBroken("noDefect", error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const { clock, coverage, network, trace } = this.#world;
    for (const [kind, times] of Object.entries(network.counts)) coverage.count(`message ${kind}`, times);
    return {
      seed: this.#seed,
      finding: this.#finding,
      coverage: [...coverage.counts],
      virtualMs: clock.monotonicMs(),
      trace: trace.lines,
    };
  }

  async #live(): Promise<void> {
    const { chance, clock, trace } = this.#world;
    const past = await plantPast(this.#world);
    this.#commands.submissions.push(...past);
    this.#cluster.start();
    const scene = { cluster: this.#cluster, court: this.#court, commands: this.#commands };
    const troubledMs = scheduleFaults(scene);
    this.#commands.schedule(troubledMs);
    scheduleMemoryTrouble(this.#world, troubledMs);
    new Housekeeping(this.#cluster, this.#court, this.#commands).schedule(past);
    schedulePowerCut(scene, this.#seed, troubledMs);
    await this.#until(() => false, troubledMs);
    trace.add("all", () => "HEALED: nothing goes wrong from here on");
    this.#cluster.heal();
    // A mode is no record: what a leader was told just before it died may not have reached its agent.
    this.#lookForStrays();
    const areOver = (): boolean => this.#commands.open === 0 && this.#openRuns().length === 0;
    if (!(await this.#until(areOver, HEALING_MS))) {
      const { open } = this.#commands;
      return this.#onBroken("everyRunEnds", `not ended: ${this.#openRuns()}; ${open} requests are open`);
    }
    this.#world.isClosing = true;
    this.#commands.activateAgents();
    this.#commands.submit(this.#probe());
    if (!(await this.#until(areOver, PROBE_MS))) {
      return this.#onBroken("nothingLeft", "some agent can't be filled any more: a slot was left taken");
    }
    const quietMs = chance.happens(0.15) ? LONG_QUIET_MS : SHORT_QUIET_MS;
    await this.#until(() => false, quietMs);
    if (this.#finding !== undefined) return;
    this.#court.events.judgeEnd();
    judgeEnd({
      agents: this.#cluster.livingAgents,
      messages: this.#court.messages,
      silentSinceMs: clock.monotonicMs() - quietMs + SETTLING_MS,
      complain: (promise, what) => this.#onBroken(promise, what),
    });
    const isAllKnown = [...this.#court.journal.runs.values()].every(({ isStray }) => !isStray);
    if (this.#finding === undefined && this.#world.hasPast && isAllKnown && chance.happens(0.4))
      await this.#seeNextDay();
  }

  /** What nobody needs any more is gone then. */
  async #seeNextDay(): Promise<void> {
    this.#court.collections.onAsked(0);
    const problem = await collectNextDay(this.#cluster, (condition, limitMs) =>
      this.#until(condition, limitMs),
    );
    if (problem !== undefined) this.#onBroken("nothingLeft", problem);
    else this.#court.collections.judgeAllGone();
  }

  /** Lets time pass until the condition holds or a promise is broken; false when time ran out. */
  #until(condition: () => boolean, limitMs: number): Promise<boolean> {
    return this.#world.clock.runUntil(() => this.#finding !== undefined || condition(), limitMs);
  }

  /** In peace nothing runs on for long whose lease is over. */
  #lookForStrays(): void {
    const { clock } = this.#world;
    clock.schedule(STRAY_MS, () => {
      const beforeMs = clock.monotonicMs() - STRAY_MS;
      for (const { host } of this.#cluster.agents) {
        for (const { key, request } of host.running) {
          const endedMs = this.#court.journal.overSince(request);
          if (endedMs === undefined || endedMs > beforeMs) continue;
          this.#onBroken("straysEnd", `${key} still runs on ${host.name}, though its lease is over`);
        }
      }
      this.#lookForStrays();
    });
  }

  #openRuns(): string[] {
    return this.#commands.submissions.map(({ run }) => run).filter((run) => !this.#court.journal.isOver(run));
  }

  #probe(): Submission {
    const script = writeScript({
      wallMs: PROBE_JOB_MS,
      endings: ["succeeds"],
      ignoresTerm: false,
      isChatty: false,
    });
    const jobs = this.#cluster.livingAgents.map(({ name, host }) => ({
      name: `probe-${name}`,
      run: { script },
      labels: [["host", name] as [string, string]],
      resources: { cpu: host.capacity.cpu, memoryBytes: host.capacity.memoryBytes },
    }));
    return { run: PROBE, jobs, options: { keepGoing: true, priority: 500 } };
  }

  #onBroken(promise: string, what: string): void {
    if (this.#world.hasLostPower && !keptInPowerCuts.has(promise)) return;
    this.#world.trace.add("judge", () => `BROKEN ${promise}: ${what}`);
    this.#finding ??= { promise, atMs: this.#world.clock.monotonicMs(), what };
  }
}
