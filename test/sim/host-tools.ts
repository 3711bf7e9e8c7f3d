/** What an agent asks of its host, over a simulated one: it takes time, fails now and then, and outlives the agent. */
import type { ArtifactSink, AttemptTools, ShippedLog } from "../../agent/actors/attempt-tools.ts";
import { attemptKey } from "../../agent/core/attempt-key.ts";
import type { Execution, Exit } from "../../agent/runners/runner.ts";
import type { AttemptRecord } from "../../agent/workspaces/attempt-record.ts";
import type { Place } from "../../agent/workspaces/place.ts";
import type { Leftover } from "../../agent/workspaces/workspaces.ts";
import type { VirtualClock } from "../../shared/actor/virtual-clock.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { JobRequest } from "../../shared/model/messages.ts";
import type { Artifact } from "../../shared/model/outcome.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { type ArtifactShelf, inputsOf } from "./artifact-shelf.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

const GRACE_MS = 2_000;
const DISK_MS = 20;
const STORE_MS = 60;
const LOOK_MS = 100;
const RETRY_MS = 500;

export class SimulatedTools implements AttemptTools {
  readonly graceMs = GRACE_MS;
  readonly hostIdentity: string;
  readonly workspaces: AttemptTools["workspaces"];
  readonly artifacts: ArtifactSink;
  readonly #host: SimulatedHost;
  readonly #process: SimulatedProcess;
  readonly #clock: VirtualClock;
  readonly #shelf: ArtifactShelf;
  readonly #objects: Objects;

  constructor(
    host: SimulatedHost,
    process: SimulatedProcess,
    { clock, shelf, identityOf }: Pick<World, "clock" | "shelf" | "identityOf">,
    objects: Objects,
  ) {
    this.hostIdentity = identityOf(host.name);
    this.#host = host;
    this.#process = process;
    this.#clock = clock;
    this.#shelf = shelf;
    this.#objects = objects;
    this.workspaces = {
      boot: host.boot,
      recordsId: host.recordsId,
      take: (record, launches) => host.takePlace(record, launches),
      launching: (place) => host.noteRecord(place, { launchedMs: clock.monotonicMs() }),
      ending: (place, ended) => host.noteRecord(place, { ended }),
    };
    this.artifacts = { upload: (root) => this.#upload(root) };
  }

  /** What earlier agents left on this host. */
  leftovers(): Leftover[] {
    return [...this.#host.disk.values()];
  }

  answer(): Promise<never> {
    return Promise.reject(new MillraceError("unsupported", "nobody asks a simulated host"));
  }

  openLog(record: AttemptRecord): ShippedLog {
    const key = attemptKey(record);
    let finalBytes: number | undefined;
    const size = (): number => finalBytes ?? this.#host.logBytes(key);
    return {
      size,
      isWhole: true,
      marks: undefined,
      close: () => {
        finalBytes = size();
        return finalBytes;
      },
      ship: () => this.#wait(this.#host.delayMs(STORE_MS)),
      stored: () => this.#store(),
    };
  }

  trouble(): Promise<string | undefined> {
    return this.#wait(this.#host.delayMs(DISK_MS)).then(() =>
      this.#host.isFull ? "its disk is full" : undefined,
    );
  }

  isDiskFull(): boolean {
    return this.#host.isFull;
  }

  prefetch(): void {}

  endPrefetch(): void {}

  async fetch(request: JobRequest): Promise<void> {
    await this.#wait(this.#host.delayMs(STORE_MS));
    const { sources } = request.spec;
    const inputs = await inputsOf(request, this.#objects);
    const needed = inputs.map(({ digest }) => digest);
    for (const digest of sources === undefined ? needed : [sources, ...needed]) {
      if (this.#shelf.isDown) throw new MillraceError("unavailable", "the store can't be reached");
      const problem = this.#shelf.problemOf(digest);
      if (problem !== undefined) throw new MillraceError(problem, `the artifact ${digest}: ${problem}`);
    }
    this.#host.write();
  }

  async launch(request: JobRequest): Promise<Execution> {
    const key = attemptKey(request);
    // At once: the spawner has it, also when the agent dies before it hears of that.
    this.#host.start(key, request, await inputsOf(request, this.#objects));
    await this.#wait(this.#host.delayMs(DISK_MS));
    return this.#follow(key, { kind: "unknown", message: "its spawner is gone" });
  }

  async adopt(record: AttemptRecord): Promise<Execution> {
    await this.#wait(this.#host.delayMs(LOOK_MS));
    const gone: Exit =
      record.launchedMs === null ? { kind: "neverBegan" } : { kind: "unknown", message: "it left no status" };
    const { launchedMs } = record;
    const elapsed =
      typeof launchedMs === "number" ? { elapsedMs: this.#clock.monotonicMs() - launchedMs } : {};
    const key = attemptKey(record);
    const isFoundRunning = this.#host.running.some((running) => running.key === key);
    return { ...this.#follow(key, gone), ...elapsed, isFoundRunning };
  }

  async sweep(key: string): Promise<void> {
    await this.#onHost(1, () => this.#host.signal(key, "KILL"));
  }

  async free(_record: AttemptRecord, place: Place, log: ShippedLog): Promise<void> {
    await log.stored();
    await this.#wait(this.#host.delayMs(DISK_MS));
    this.#host.disk.delete(place.number);
  }

  /** Follows a process to its end; `gone` is what is told of one that left nothing. */
  #follow(key: string, gone: Exit): Execution {
    const exit = new Promise<Exit>((resolve) => {
      this.#host.onExit(key, (status = gone) => {
        this.#clock.schedule(this.#host.delayMs(DISK_MS), () => this.#process.arrive(() => resolve(status)));
      });
    });
    return { exit, signal: (signal) => this.#onHost(1, () => this.#host.signal(key, signal)) };
  }

  async #upload(root: string): Promise<Artifact> {
    const stored = [...this.#host.disk.values()].find(({ place }) => place.work === root);
    if (stored === undefined) throw new Error(`nothing is at ${root}`);
    const key = attemptKey(stored.record);
    await this.#wait(this.#host.delayMs(STORE_MS));
    if (this.#shelf.isDown) throw new MillraceError("unavailable", "the store can't be reached");
    const digest = this.#host.digestOf(key);
    await this.#objects.put(`artifact/${digest}`, () => [Buffer.from(digest)]);
    this.#shelf.onStored(digest);
    const truth = this.#host.truths.get(key);
    if (truth !== undefined) truth.digest = digest;
    return { digest, files: 1, bytes: 1 };
  }

  /** The rest of a log is stored as soon as the store can be reached. */
  async #store(): Promise<void> {
    await this.#wait(this.#host.delayMs(STORE_MS));
    while (this.#shelf.isDown) await this.#wait(RETRY_MS);
  }

  /** Something the agent's own process does: it is not done when that dies. */
  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#process.schedule(delayMs, resolve);
    });
  }

  /** Something the host does for the agent, who hears of its end if it lives. */
  #onHost(delayMs: number, act: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.schedule(delayMs, () => {
        act();
        this.#process.arrive(resolve);
      });
    });
  }
}
