/**
 * A simulated machine: its disk and its job processes, which outlive the agent that started them.
 *
 * A place on its disk is what an agent keeps of one attempt; the process writes its exit status there, whoever is
 * there to read it. A reboot ends all processes without a status, and may take the control files with it.
 */
import { createHash } from "node:crypto";
import type { Exit } from "../../agent/runners/runner.ts";
import type { AttemptRecord } from "../../agent/workspaces/attempt-record.ts";
import type { Place } from "../../agent/workspaces/place.ts";
import type { VirtualClock } from "../../shared/actor/virtual-clock.ts";
import type { Capacity, JobInput, JobRequest } from "../../shared/model/messages.ts";
import type { Chance } from "./chance.ts";
import { type Ending, endingOf, FAILED_EXIT, type JobScript, readScript } from "./job-script.ts";

/** What really became of one attempt, whatever anybody says of it. */
export interface AttemptTruth {
  readonly key: string;
  readonly host: string;
  readonly request: JobRequest;
  readonly inputs: readonly JobInput[];
  readonly startedMs: number;
  endedMs: number | undefined;
  exit: Exit | undefined;
  /** The digest of its outputs, once stored. */
  digest: string | undefined;
}

/** How an attempt ended. */
export type AttemptEnd = Pick<AttemptTruth, "startedMs" | "endedMs" | "exit" | "digest">;

export interface HostWatcher {
  onStarted(host: SimulatedHost, truth: AttemptTruth): void;
  onEnded(host: SimulatedHost, truth: AttemptTruth): void;
}

/** What is on disk of one attempt. */
interface StoredPlace {
  readonly record: AttemptRecord;
  readonly place: Place;
}

interface JobProcess {
  readonly truth: AttemptTruth;
  readonly script: JobScript;
  readonly waiting: ((exit: Exit) => void)[];
}

const OUTPUT_BYTES_PER_S = 100;
const MAX_DELAY_AFTER_TERM_MS = 200;

export class SimulatedHost {
  readonly name: string;
  readonly capacity: Capacity;
  readonly disk = new Map<number, StoredPlace>();
  /** By attempt, for ever. */
  readonly truths = new Map<string, AttemptTruth>();
  /** Factor on all that its disk does. */
  slowness = 1;
  /** Nothing more can be written. */
  isFull = false;
  #boots = 1;
  #recordings = 1;
  #lastPlace = 0;
  #stalledUntilMs = 0;
  readonly #processes = new Map<string, JobProcess>();
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #watcher: HostWatcher;

  constructor(
    name: string,
    capacity: Capacity,
    world: { readonly clock: VirtualClock; readonly chance: Chance },
    watcher: HostWatcher,
  ) {
    this.name = name;
    this.capacity = capacity;
    this.#clock = world.clock;
    this.#chance = world.chance;
    this.#watcher = watcher;
  }

  /** Names the records on its disk: lost with them. */
  get recordsId(): string {
    return `${this.name}-records-${this.#recordings}`;
  }

  get boot(): string {
    return `${this.name}-boot-${this.#boots}`;
  }

  /** Attempts whose processes run at this moment. */
  get running(): readonly AttemptTruth[] {
    return [...this.#processes.values()].map(({ truth }) => truth);
  }

  /** Nothing is wrong with its disk any more. */
  recover(): void {
    this.slowness = 1;
    this.isFull = false;
  }

  takePlace(record: AttemptRecord, launches: boolean): Place {
    this.write();
    const number = ++this.#lastPlace;
    const root = `/${this.name}/${number}`;
    const place: Place = {
      number,
      root,
      work: `${root}/work`,
      inputs: `${root}/inputs`,
      sources: `${root}/sources`,
      program: `${root}/program`,
      packageRoot: `${root}/package`,
      overlay: `${root}/overlay`,
      log: `${root}/log`,
      control: `${root}/control`,
    };
    this.disk.set(number, {
      record: { ...record, launchedMs: launches ? this.#clock.monotonicMs() : null },
      place,
    });
    return place;
  }

  /** The record of an attempt changes, as far as is given. */
  noteRecord({ number }: Place, change: Partial<AttemptRecord>): void {
    this.write();
    const stored = this.disk.get(number);
    if (stored !== undefined) this.disk.set(number, { ...stored, record: { ...stored.record, ...change } });
  }

  /** Throws as a full disk does. */
  write(): void {
    if (this.isFull) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  }

  /** How long something takes that the disk or a new process is needed for. */
  delayMs(most: number): number {
    return this.#chance.between(1, most) * this.slowness;
  }

  start(key: string, request: JobRequest, inputs: readonly JobInput[]): void {
    const script = readScript(request.spec.run);
    const startedMs = this.#clock.monotonicMs();
    const truth: AttemptTruth = {
      key,
      host: this.name,
      request,
      inputs,
      startedMs,
      endedMs: undefined,
      exit: undefined,
      digest: undefined,
    };
    this.truths.set(key, truth);
    this.#processes.set(key, { truth, script, waiting: [] });
    this.#watcher.onStarted(this, truth);
    const ending = endingOf(script, request.attempt);
    if (ending === "hangs") return;
    this.#clock.schedule(script.wallMs, () => this.#endByItself(key, this.#exitOf(ending, script.wallMs)));
  }

  /** What runs takes longer than it would: none of it ends by itself for a while. */
  stall(durationMs: number): void {
    this.#stalledUntilMs = this.#clock.monotonicMs() + durationMs;
  }

  /** Calls back with the exit of a process that runs or has run; a process that never was has none. */
  onExit(key: string, exited: (exit: Exit | undefined) => void): void {
    const process = this.#processes.get(key);
    if (process !== undefined) process.waiting.push(exited);
    else exited(this.truths.get(key)?.exit);
  }

  signal(key: string, signal: "TERM" | "KILL"): void {
    const process = this.#processes.get(key);
    if (process === undefined || (signal === "TERM" && process.script.ignoresTerm)) return;
    const delayMs = signal === "KILL" ? 0 : this.#chance.between(0, MAX_DELAY_AFTER_TERM_MS);
    this.#clock.schedule(delayMs, () => {
      const wallMs = this.#clock.monotonicMs() - process.truth.startedMs;
      this.#end(key, { kind: "signalled", signal: `SIG${signal}`, usage: usage(wallMs) });
    });
  }

  /** Whatever counts its bytes sees a log grow while its process runs. */
  logBytes(key: string): number {
    const truth = this.truths.get(key);
    if (truth === undefined) return 0;
    const ranMs = (truth.endedMs ?? this.#clock.monotonicMs()) - truth.startedMs;
    const isChatty = readScript(truth.request.spec.run).isChatty;
    return isChatty ? Math.floor((ranMs * OUTPUT_BYTES_PER_S) / 1000) : 0;
  }

  /** The digest of what an attempt has made: its own job, inputs and attempt are in it, unless its script says otherwise. */
  digestOf(key: string): string {
    const truth = this.truths.get(key);
    if (truth === undefined) throw new Error(`${key} never ran on ${this.name}`);
    const { spec } = truth.request;
    const inputs = truth.inputs.map(({ digest }) => digest);
    const made = madeOf(key, spec.name, inputs, readScript(spec.run).makes);
    return createHash("sha256").update(JSON.stringify(made)).digest("hex");
  }

  /** All processes are gone, their statuses were never written. */
  reboot(areControlFilesLost: boolean): void {
    this.#boots += 1;
    for (const key of [...this.#processes.keys()]) {
      this.#end(key, { kind: "unknown", message: "its host was restarted" });
    }
    if (areControlFilesLost) this.loseControlFiles();
  }

  /** The control files are gone, and with them all that tells of attempts. */
  loseControlFiles(): void {
    this.#recordings += 1;
    this.disk.clear();
  }

  #endByItself(key: string, exit: Exit): void {
    const stalledMs = this.#stalledUntilMs - this.#clock.monotonicMs();
    if (stalledMs <= 0) this.#end(key, exit);
    else this.#clock.schedule(stalledMs, () => this.#endByItself(key, exit));
  }

  #end(key: string, exit: Exit): void {
    const process = this.#processes.get(key);
    if (process === undefined) return;
    this.#processes.delete(key);
    process.truth.exit = exit;
    process.truth.endedMs = this.#clock.monotonicMs();
    this.#watcher.onEnded(this, process.truth);
    for (const exited of process.waiting) exited(exit);
  }

  #exitOf(ending: Ending, wallMs: number): Exit {
    switch (ending) {
      case "succeeds":
        return { kind: "exited", exitCode: 0, usage: usage(wallMs) };
      case "crashes":
        return { kind: "signalled", signal: "SIGSEGV", usage: usage(wallMs) };
      case "vanishes":
        return { kind: "unknown", message: "its spawner was killed" };
      case "runsOutOfMemory":
        return { kind: "outOfMemory", usage: usage(wallMs) };
      default:
        return { kind: "exited", exitCode: FAILED_EXIT, usage: usage(wallMs) };
    }
  }
}

function usage(wallMs: number) {
  return { wallMs, cpuMs: null, peakMemoryBytes: null };
}

function madeOf(key: string, name: string, inputs: readonly string[], makes: JobScript["makes"]): string[] {
  if (makes === "constant") return [name];
  return makes === "same" ? [name, ...inputs] : [key, name, ...inputs];
}
