/**
 * The connection to NATS that everything else stands on. It reconnects for ever; what was published across an outage
 * is lost without an error (core NATS), so whatever matters is acknowledged end to end by those above.
 *
 * Only the first connection may fail: after `firstConnectTimeoutMs`, and at once where trying again cannot help
 * (wrong credentials, a server too old or without JetStream).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { JetStreamClient, JetStreamManager, NatsConnection } from "nats";
import { MillraceError } from "../model/error.ts";
import { type Feature, hasFeature, isAtLeast, OLDEST_SERVER } from "./features.ts";
import { firstConnection } from "./first-connection.ts";
import { Subjects } from "./subjects.ts";

export interface BusOptions {
  /** One URL or several with commas between; credentials or a token may be in it. */
  readonly server: string;
  /** What operators see in the server's connection list. */
  readonly name: string;
  readonly namespace: string;
  /** How long the first connection may take; 5 s by default, `Infinity` for services. */
  readonly firstConnectTimeoutMs?: number;
  /** Gives up the first connection. */
  readonly signal?: AbortSignal;
}

export type BusStatus =
  | { readonly kind: "connected" }
  | { readonly kind: "disconnected" }
  /** The server refused a subject; nothing will come from or go to it. */
  | { readonly kind: "denied"; readonly operation: string; readonly subject: string }
  /** For good: by `close`, or with the error that ended it. */
  | { readonly kind: "closed"; readonly error: Error | undefined };

/** One connection in one namespace. Users of `connection` take care of its errors themselves. */
export interface Bus {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly subjects: Subjects;
  /** Of the server connected to now or last. */
  serverVersion(): string;
  /** Bytes a message may have, headers included. */
  maxPayload(): number;
  has(feature: Feature): boolean;
  onStatus(listener: (status: BusStatus) => void): () => void;
  /** Sends what waits to be sent, if that takes no longer than a second, and disconnects. */
  close(): Promise<void>;
}

const FIRST_CONNECT_TIMEOUT_MS = 5_000;
const API_TIMEOUT_MS = 5_000;
const CLOSE_FLUSH_MS = 1_000;

/** Connects, or throws a MillraceError: `unavailable`, `refused` (credentials) or `unsupported` (server). */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const timeoutMs = options.firstConnectTimeoutMs ?? FIRST_CONNECT_TIMEOUT_MS;
  const connection = await firstConnection(options.server, options.name, timeoutMs, options.signal);
  try {
    options.signal?.throwIfAborted();
    checkServer(connection);
    const manager = await connection.jetstreamManager({ checkAPI: false, timeout: API_TIMEOUT_MS });
    return new NatsBus(connection, manager, options.namespace);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function checkServer(connection: NatsConnection): void {
  const version = connection.info?.version ?? "unknown";
  if (!isAtLeast(version, OLDEST_SERVER)) {
    throw new MillraceError("unsupported", `nats-server ${version} is too old`, {
      fix: `Run nats-server ${OLDEST_SERVER} or newer.`,
    });
  }
  if (connection.info?.jetstream !== true) {
    throw new MillraceError("unsupported", "the NATS server runs without JetStream", {
      fix: "Start nats-server with -js, or with a jetstream block in its configuration.",
    });
  }
}

class NatsBus implements Bus {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly subjects: Subjects;
  readonly #listeners = new Set<(status: BusStatus) => void>();

  constructor(connection: NatsConnection, manager: JetStreamManager, namespace: string) {
    this.connection = connection;
    this.jetstream = connection.jetstream({ timeout: API_TIMEOUT_MS });
    this.manager = manager;
    this.subjects = new Subjects(namespace);
    void this.#tellStatus();
    void connection.closed().then((error) => {
      this.#tell({ kind: "closed", error: error instanceof Error ? error : undefined });
    });
  }

  serverVersion(): string {
    return this.connection.info?.version ?? "unknown";
  }

  maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  has(feature: Feature): boolean {
    return hasFeature(this.serverVersion(), feature);
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    if (this.connection.isClosed()) return;
    const flushed = new AbortController();
    const limit = sleep(CLOSE_FLUSH_MS, undefined, { signal: flushed.signal });
    // Either fails when it is of no use: the flush when the server is away, the limit when it is aborted.
    await Promise.allSettled([Promise.race([this.connection.flush(), limit])]);
    flushed.abort();
    await this.connection.close();
  }

  async #tellStatus(): Promise<void> {
    for await (const { type, permissionContext } of this.connection.status()) {
      if (type === "disconnect") this.#tell({ kind: "disconnected" });
      else if (type === "reconnect") this.#tell({ kind: "connected" });
      else if (type === "error" && permissionContext !== undefined) {
        this.#tell({ kind: "denied", ...permissionContext });
      }
    }
  }

  #tell(status: BusStatus): void {
    for (const listener of this.#listeners) listener(status);
  }
}
