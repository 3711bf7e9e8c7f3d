/**
 * The storage watch: looks every few seconds at what the streams hold and may hold, and tells the coordinator when
 * there is no room for new work, when there is again, and what is wrong with the settings.
 */
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import { reasonOf } from "../../shared/model/error.ts";
import type { StorageUsage } from "../../shared/model/storage-usage.ts";
import { judgeStorage, type StorageState } from "../core/storage-state.ts";
import { limitsOf, roomTroubles, settingsTroubles, type Trouble } from "../core/storage-troubles.ts";
import type { CoordinatorMessage, StorageWatchMessage } from "./messages.ts";

export interface StorageSettings {
  readonly usage: () => Promise<StorageUsage>;
  /** Streams that refuse appends for want of room, and what they say; it changes by itself. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Streams that must not lose anything. */
  readonly kept: readonly string[];
  /** What JetStream may hold, where no account limit tells it. */
  readonly maxBytes: number | null;
}

const CHECK_MS = 3_000;

export class StorageWatchActor implements Behaviour<StorageWatchMessage> {
  readonly #settings: StorageSettings;
  readonly #coordinator: ActorRef<CoordinatorMessage>;
  #state: StorageState = { level: "roomy", since: 0, reason: null };
  #usage: StorageUsage | undefined;
  /** Since when nothing is heard of the streams. */
  #silentSince: number | undefined;
  /** Codes and messages of troubles that were logged, and when they were seen first. */
  readonly #known = new Map<string, number>();

  constructor(settings: StorageSettings, coordinator: ActorRef<CoordinatorMessage>) {
    this.#settings = settings;
    this.#coordinator = coordinator;
  }

  started(context: Context<StorageWatchMessage>): void {
    this.#state = { ...this.#state, since: context.now() };
    this.#look(context);
  }

  receive(message: StorageWatchMessage, context: Context<StorageWatchMessage>): void {
    switch (message.kind) {
      case "look":
        return this.#look(context);
      case "seen":
        this.#silentSince = undefined;
        this.#usage = message.usage;
        return this.#judge(undefined, context);
      case "unseen":
        this.#silentSince ??= context.now();
        return this.#judge(message.reason, context);
    }
  }

  #look(context: Context<StorageWatchMessage>): void {
    context.pipe(
      this.#settings.usage(),
      (usage) => ({ kind: "seen", usage }),
      (error) => ({ kind: "unseen", reason: reasonOf(error) }),
    );
  }

  #judge(silence: string | undefined, context: Context<StorageWatchMessage>): void {
    const { maxBytes, refusals, kept } = this.#settings;
    const usage = this.#usage;
    const limits = usage === undefined ? [] : limitsOf(usage, maxBytes);
    this.#state = judgeStorage(this.#state, { limits, refusals }, context.now());
    const troubles = roomTroubles(this.#state);
    if (usage !== undefined) troubles.push(...this.#settingsTroubles(usage, kept, context.now()));
    if (silence !== undefined && this.#silentSince !== undefined) {
      troubles.push({
        code: "storage.silent",
        message: `JetStream does not tell what it holds: ${silence}`,
        fix: "See the log of nats-server: it may have stopped using a disk that is full or fails.",
        since: this.#silentSince,
      });
    }
    this.#logChanges(troubles, context);
    this.#coordinator.tell({ kind: "storage", state: this.#state, usage: usage ?? null, troubles });
    context.after(CHECK_MS, { kind: "look" });
  }

  /** With the time at which each was seen first. */
  #settingsTroubles(usage: StorageUsage, kept: readonly string[], now: number): Trouble[] {
    return settingsTroubles(usage, kept, now).map((trouble) => ({
      ...trouble,
      since: this.#known.get(keyOf(trouble)) ?? now,
    }));
  }

  #logChanges(troubles: readonly Trouble[], context: Context<StorageWatchMessage>): void {
    const keys = new Set(troubles.map(keyOf));
    for (const [key] of this.#known) {
      if (keys.has(key)) continue;
      this.#known.delete(key);
      context.log.info({ trouble: key }, "a trouble with storage is over");
    }
    for (const trouble of troubles) {
      if (this.#known.has(keyOf(trouble))) continue;
      this.#known.set(keyOf(trouble), trouble.since);
      context.log.warn({ code: trouble.code, fix: trouble.fix }, trouble.message);
    }
  }
}

/** A setting is a trouble of its stream; what changes as storage fills is one trouble. */
function keyOf({ code, message }: Trouble): string {
  return code.startsWith("settings.") ? `${code}: ${message}` : code;
}
