/**
 * The coordinator's part in storage: whether there is room for new work, which runs have been given up and are still
 * being removed, and the actors that see to both.
 */
import type { ActorRef, Codec, Context, Supervision } from "../../shared/actor/contract.ts";
import type { ApiCommand, ApiResult } from "../../shared/model/api.ts";
import { collectionTrouble, type Trouble } from "../core/storage-troubles.ts";
import type { CollectionStores } from "../storage/collection-stores.ts";
import { type CollectionSettings, CollectorActor } from "./collector.ts";
import type { CollectorMessage, CoordinatorMessage, Reply, StorageWatchMessage } from "./messages.ts";
import { type StorageSettings, StorageWatchActor } from "./storage-watch.ts";

export interface StorekeeperOptions {
  /** How runs and objects are collected; nothing ever is when left out. */
  readonly collection?: CollectionSettings & { readonly stores: CollectionStores };
  /** How storage is watched; there is always room when left out. */
  readonly storage?: StorageSettings;
}

export type StorageMessage = Extract<
  CoordinatorMessage,
  { kind: "runsCondemned" | "allRemoved" | "collected" | "storage" }
>;

type Finding = Extract<CoordinatorMessage, { kind: "storage" }>;

export class Storekeeper {
  readonly #options: StorekeeperOptions;
  /** Given up, and not known to be wholly removed. */
  readonly #removed: Set<string>;
  /** Retries that have begun and whose first record is not stored, with the run that each retries. */
  readonly #retries = new Map<string, string>();
  #finding: Finding | undefined;
  /** The last collection has failed. */
  #uncollected: Trouble | undefined;
  #collector: ActorRef<CollectorMessage> | undefined;

  constructor(options: StorekeeperOptions, removed: ReadonlySet<string>) {
    this.#options = options;
    this.#removed = new Set(removed);
  }

  start(
    leader: { readonly epoch: number; readonly codec: Codec; readonly lostAfterMs: number },
    supervision: Supervision,
    context: Context<CoordinatorMessage>,
  ): void {
    const { collection, storage } = this.#options;
    const coordinator = context.self;
    if (collection !== undefined) {
      const isDue = this.#removed.size > 0;
      const isRetried = (run: string): boolean => this.isRetried(run);
      const collector = () => new CollectorActor({ ...collection, ...leader, coordinator, isDue, isRetried });
      const options = { mailbox: { capacity: 1000 }, supervision };
      this.#collector = context.spawn<CollectorMessage>("collector", collector, options);
    }
    if (storage !== undefined) {
      const watch = (): StorageWatchActor => new StorageWatchActor(storage, coordinator);
      context.spawn<StorageWatchMessage>("storage", watch, { mailbox: { capacity: 100 }, supervision });
    }
  }

  take(message: StorageMessage): void {
    switch (message.kind) {
      case "storage":
        this.#finding = message;
        return;
      case "collected":
        this.#uncollected = collectionTrouble(this.#uncollected, message);
        return;
      case "allRemoved":
        this.#removed.clear();
        return;
      case "runsCondemned":
        for (const run of message.runs) this.#removed.add(run);
    }
  }

  /** Nobody is to know of it any more, though it can still be read. */
  isGivenUp(run: string): boolean {
    return this.#removed.has(run);
  }

  /** What the retry carries over is needed from now on, though no record says so yet. */
  onRetryBegun(run: string, retryOf: string): void {
    this.#retries.set(run, retryOf);
  }

  /** The run's first record is stored, or will not be. */
  onSubmitted(run: string): void {
    this.#retries.delete(run);
  }

  isRetried(run: string): boolean {
    return [...this.#retries.values()].includes(run);
  }

  /** Why no job is started at present; null when there is room. */
  get pauseReason(): string | null {
    return this.#finding?.troubles.find(({ code }) => noRoom.has(code))?.message ?? null;
  }

  /** Why a run can't be taken now, if it can't. */
  refusal(run: string): Reply | undefined {
    if (this.#removed.has(run)) {
      const message = `the run ${run} of before has been given up, and is still being removed`;
      const fix = "Submit it again in a minute, or under another id.";
      return { ok: false, code: "conflict", message, fix };
    }
    const trouble = this.#finding?.troubles.find(({ code }) => noRoom.has(code));
    if (trouble === undefined) return undefined;
    const { message, fix, since } = trouble;
    const reply = { ok: false, code: "unavailable", message: `since ${isoOf(since)} ${message}` } as const;
    return fix === null ? reply : { ...reply, fix };
  }

  collect(request: ApiCommand<"gc">, replyTo: ActorRef<Reply>): void {
    if (this.#collector !== undefined) this.#collector.tell({ kind: "command", request, replyTo });
    else replyTo.tell({ ok: false, code: "unsupported", message: "this coordinator collects nothing" });
  }

  status(): Pick<ApiResult<"status">, "storage" | "troubles"> {
    const uncollected = this.#uncollected === undefined ? [] : [this.#uncollected];
    const troubles = [...(this.#finding?.troubles ?? []), ...uncollected].map(({ since, ...trouble }) => ({
      ...trouble,
      since: isoOf(since),
    }));
    if (this.#finding === undefined) return { storage: null, troubles };
    const { state, usage } = this.#finding;
    return {
      storage: {
        level: state.level,
        since: isoOf(state.since),
        streams:
          usage?.streams.map(({ stream, messages, bytes, maxBytes, replicas }) => ({
            stream,
            messages,
            bytes,
            maxBytes,
            replicas,
          })) ?? [],
        accounts: [...(usage?.accounts ?? [])],
      },
      troubles,
    };
  }
}

const noRoom: ReadonlySet<string> = new Set(["storage.tight", "storage.full"]);

function isoOf(at: number): string {
  return new Date(at).toISOString();
}
