/**
 * The collector actor: makes collections (`storage/collection.ts`), one at a time, on its own every so often and on
 * request, in slices with pauses between them, so that it takes a small share of the leader's time. The first one comes
 * soon after it begins to lead, as a leader may not live long; one that fails is told to the coordinator.
 *
 *   idle ──due, or requested──▶ waiting ──connected for long enough──▶ collecting ──▶ idle
 *
 * Agents tell what they still hold once they are connected again; until then nothing is begun, as a result that comes
 * late may refer to what was stored long ago.
 */
import type { ActorRef, Behaviour, Codec, Context } from "../../shared/actor/contract.ts";
import type { ApiCommand, CollectionView } from "../../shared/model/api.ts";
import { asMillraceError } from "../../shared/model/error.ts";
import { ReferenceFilter } from "../core/reference-filter.ts";
import type { RetentionPolicy } from "../core/retention.ts";
import {
  type CollectionOrder,
  type CollectionProgress,
  collect,
  newProgress,
  type Slice,
} from "../storage/collection.ts";
import type { CollectionStores } from "../storage/collection-stores.ts";
import { RunReferences } from "../storage/run-references.ts";
import type { CollectorMessage, CoordinatorMessage, Reply } from "./messages.ts";

/** What the operator decides. */
export interface CollectionSettings {
  readonly policy: RetentionPolicy;
  readonly unreferencedForMs: number;
  /** From the end of one collection to the beginning of the next. */
  readonly intervalMs: number;
}

export interface CollectorOptions extends CollectionSettings {
  readonly epoch: number;
  readonly stores: CollectionStores;
  readonly codec: Codec;
  readonly coordinator: ActorRef<CoordinatorMessage>;
  /** Something of a run that was given up may be left: the first collection is not put off. */
  readonly isDue: boolean;
  /** After which an agent that is there has been heard. */
  readonly lostAfterMs: number;
  /** Whether a retry of the run has begun whose first record is not stored yet. */
  readonly isRetried: (run: string) => boolean;
}

interface Collection {
  readonly id: string;
  readonly order: CollectionOrder;
  /** Somebody waits for it: it takes half of the time, otherwise a fifth. */
  readonly isRequested: boolean;
  readonly progress: CollectionProgress;
  slices: AsyncGenerator<Slice> | undefined;
  failure: string | undefined;
}

/** From the beginning of a term, which has better things to do at first; more or less, as all may have started at a time. */
const FIRST_AFTER_MS = 5 * 60_000;
const FIRST_SPREAD = 0.4;
const KEPT_COLLECTIONS = 20;
const LISTED_RUNS = 100;

export class CollectorActor implements Behaviour<CollectorMessage> {
  readonly #options: CollectorOptions;
  readonly #references: RunReferences;
  /** By id: those that wait, the one that goes on, and the last ones that are over. */
  readonly #collections = new Map<string, Collection>();
  readonly #waiting: Collection[] = [];
  #current: Collection | undefined;
  #connectedAtMs = 0;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#references = new RunReferences(options.stores);
  }

  started(context: Context<CollectorMessage>): void {
    this.#connectedAtMs = context.monotonicMs();
    context.onTransport((status) => ({ kind: "transport", status }));
    context.after(this.#options.isDue ? 0 : this.#firstAfterMs(context.fraction()), { kind: "due" });
  }

  stopped(): void {
    // Ends after the slice under way, which may wait for a server that is away.
    this.#current?.slices?.return(undefined).catch(() => undefined);
  }

  receive(message: CollectorMessage, context: Context<CollectorMessage>): void {
    switch (message.kind) {
      case "due":
        return this.#enqueue(this.#collection(`auto-${context.id().toLowerCase()}`, {}), context);
      case "command":
        return this.#onRequest(message.request, message.replyTo, context);
      case "transport":
        if (message.status === "connected") this.#connectedAtMs = context.monotonicMs();
        return;
      case "begin":
        return this.#begin(context);
      case "goOn":
        return this.#goOn(context);
      case "sliced":
        if (message.pauseMs === null) return this.#end(undefined, context);
        context.after(this.#pauseMs(message.pauseMs, message.tookMs), { kind: "goOn" });
        return;
      case "failed":
        return this.#end(message.reason, context);
    }
  }

  #firstAfterMs(chance: number): number {
    const spread = 1 + FIRST_SPREAD * (chance - 0.5);
    return Math.min(FIRST_AFTER_MS * spread, this.#options.intervalMs);
  }

  #onRequest(request: ApiCommand<"gc">, replyTo: ActorRef<Reply>, context: Context<CollectorMessage>): void {
    if (!this.#collections.has(request.collection)) {
      this.#enqueue(this.#collection(request.collection, request), context);
    }
    replyTo.tell({ ok: true, result: this.#view(request.collection) });
  }

  #collection(id: string, request: Partial<ApiCommand<"gc">>): Collection {
    const { policy, unreferencedForMs } = this.#options;
    const keepRunsForMs = Math.min(policy.keepRunsForMs, request.olderThanMs ?? Number.POSITIVE_INFINITY);
    const order: CollectionOrder = {
      policy: { ...policy, keepRunsForMs },
      unreferencedForMs: request.unreferencedForMs ?? unreferencedForMs,
      isDryRun: request.dryRun ?? false,
    };
    const isRequested = request.collection !== undefined;
    return { id, order, isRequested, progress: newProgress(), slices: undefined, failure: undefined };
  }

  #enqueue(collection: Collection, context: Context<CollectorMessage>): void {
    this.#collections.set(collection.id, collection);
    this.#waiting.push(collection);
    for (const [id, kept] of this.#collections) {
      if (this.#collections.size <= KEPT_COLLECTIONS + this.#waiting.length) break;
      if (kept !== this.#current && !this.#waiting.includes(kept)) this.#collections.delete(id);
    }
    if (this.#waiting.length === 1 && this.#current === undefined) this.#begin(context);
  }

  #begin(context: Context<CollectorMessage>): void {
    const [next] = this.#waiting;
    if (this.#current !== undefined || next === undefined) return;
    const leftMs = this.#connectedAtMs + this.#options.lostAfterMs - context.monotonicMs();
    if (leftMs > 0) {
      context.after(leftMs, { kind: "begin" });
      return;
    }
    this.#waiting.shift();
    this.#current = next;
    const { epoch, stores, codec, coordinator, isRetried } = this.#options;
    next.slices = collect(next.order, {
      epoch,
      stores,
      codec,
      references: this.#references,
      progress: next.progress,
      now: () => context.now(),
      newId: () => context.id(),
      newFilter: () => new ReferenceFilter(context.fraction()),
      onCondemned: (runs) => coordinator.tell({ kind: "runsCondemned", runs }),
      isRetried,
      onAllRemoved: () => coordinator.tell({ kind: "allRemoved" }),
    });
    this.#goOn(context);
  }

  #goOn(context: Context<CollectorMessage>): void {
    const slices = this.#current?.slices;
    if (slices === undefined) return;
    const beganMs = context.monotonicMs();
    context.pipe(
      slices.next(),
      ({ done, value }) => ({
        kind: "sliced",
        pauseMs: done ? null : value.pauseMs,
        tookMs: context.monotonicMs() - beganMs,
      }),
      (error) => ({ kind: "failed", reason: asMillraceError(error, "nothing is collected").message }),
    );
  }

  #pauseMs(pauseMs: number, tookMs: number): number {
    return Math.max(pauseMs, tookMs * (this.#current?.isRequested ? 1 : 4));
  }

  #end(failure: string | undefined, context: Context<CollectorMessage>): void {
    const ended = this.#current;
    if (ended === undefined) return;
    this.#current = undefined;
    ended.failure = failure;
    ended.slices = undefined;
    const { runs, ...counts } = ended.progress;
    const fields = { ...counts, runs: runs.length, dryRun: ended.order.isDryRun };
    if (failure === undefined) context.log.info(fields, "collected");
    else context.log.warn({ ...fields, reason: failure }, "a collection has failed");
    // Who has asked for one is told of its failure; of the others nobody else would hear.
    if (!ended.order.isDryRun && (failure === undefined || !ended.isRequested)) {
      this.#options.coordinator.tell({ kind: "collected", at: context.now(), failure: failure ?? null });
    }
    if (!ended.isRequested) context.after(this.#options.intervalMs, { kind: "due" });
    this.#begin(context);
  }

  #view(id: string): CollectionView | undefined {
    const collection = this.#collections.get(id);
    if (collection === undefined) return undefined;
    const { progress, failure, order, slices } = collection;
    const { runs, ...counts } = progress;
    const isOver = progress.phase === "done" || failure !== undefined;
    const running = slices === undefined && !isOver ? "waiting" : progress.phase;
    return {
      ...counts,
      collection: id,
      dryRun: order.isDryRun,
      phase: failure === undefined ? running : "failed",
      runs: runs.length,
      runList: runs.slice(0, LISTED_RUNS),
      reason: failure ?? null,
    };
  }
}
