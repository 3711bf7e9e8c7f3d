/** Keeps runs going while faults strike: each is submitted, watched to its end, and followed by another one. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, MillraceError, type RunEvent } from "../../shared/client/index.ts";
import { drawWorkload, type Workload } from "./workload.ts";

export interface TrafficOptions {
  readonly seed: number;
  readonly image: string | undefined;
  /** Runs under way at a time. */
  readonly atOnce: number;
  /** Submits; its network is sound. */
  readonly operator: Client;
  /** Watches; its network may be struck. */
  readonly watcher: Client;
}

const AGAIN_MS = 500;

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #workloads: Workload[] = [];
  readonly #watched = new Map<string, RunEvent[]>();
  readonly #ended = new Set<string>();

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** All that were submitted, in order. */
  get workloads(): readonly Workload[] {
    return this.#workloads;
  }

  /** Runs whose watcher has not seen their end. */
  get unfinished(): readonly string[] {
    return this.#workloads.map(({ run }) => run).filter((run) => !this.#ended.has(run));
  }

  /** Commands that failed with more than "nobody answers at present". */
  readonly complaints: string[] = [];

  /** What the watcher of a run has seen, live. */
  watched(run: string): readonly RunEvent[] {
    return this.#watched.get(run) ?? [];
  }

  /** Submits one after the other until `enough` says so; resolves when the last one has ended. */
  async flow(enough: () => boolean): Promise<void> {
    const lane = async (): Promise<void> => {
      while (!enough()) await this.#carry();
    };
    await Promise.all(Array.from({ length: this.#options.atOnce }, lane));
  }

  async #carry(): Promise<void> {
    const { seed, image, watcher } = this.#options;
    const workload = drawWorkload(seed, this.#workloads.length, image);
    this.#workloads.push(workload);
    const { run } = workload;
    await this.#submit(workload);
    const seen: RunEvent[] = [];
    this.#watched.set(run, seen);
    for await (const event of watcher.watch(run)) seen.push(event);
    this.#ended.add(run);
  }

  /** As a person would: what fails is given again, with the same name. */
  async #submit({ run, shape, jobs }: Workload): Promise<void> {
    for (;;) {
      try {
        await this.#options.operator.submit({ name: shape, jobs: [...jobs] }, { run });
        return;
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        if (error.code !== "unavailable")
          this.complaints.push(`submit ${run}: ${error.code}: ${error.message}`);
        await sleep(AGAIN_MS);
      }
    }
  }
}
