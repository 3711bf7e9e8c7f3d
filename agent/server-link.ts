/**
 * An agent's connection to its server. The server may be away when the agent starts; what an earlier process left is
 * looked after from its records meanwhile, and reported when there is a connection.
 *
 * It fails for good when trying again is of no use: wrong credentials or address, a server too old, or without the
 * permission to hear orders or to answer them. Another subject that is denied is told, once, and what needs it waits.
 */
import { hostname } from "node:os";
import type { Logger } from "../shared/actor/contract.ts";
import { type Bus, type BusStatus, connectBus } from "../shared/bus/connection.ts";
import { LateTransport } from "../shared/bus/late-transport.ts";
import { NatsTransport } from "../shared/bus/nats-transport.ts";
import { redactedAddress } from "../shared/bus/server-url.ts";
import type { Subjects } from "../shared/bus/subjects.ts";
import { MillraceError } from "../shared/model/error.ts";

export interface ServerLinkOptions {
  readonly server: string;
  readonly namespace: string;
  /** Of the agent. */
  readonly name: string;
  readonly subjects: Subjects;
  readonly log: Logger;
  /** The agent can't work, for this reason. */
  readonly onFailure: (error: unknown) => void;
}

type Denied = Extract<BusStatus, { kind: "denied" }>;

/** After this time without a connection it says that it waits. */
const QUIET_MS = 5_000;
/** What is denied may have the name of a job in it. */
const MOST_TOLD = 100;

export class ServerLink {
  readonly transport = new LateTransport();
  /** Rejects when there will be none. */
  readonly connected: Promise<Bus>;
  readonly #options: ServerLinkOptions;
  readonly #givenUp = new AbortController();
  readonly #told = new Set<string>();

  constructor(options: ServerLinkOptions) {
    this.#options = options;
    this.connected = this.#connect();
    this.connected.catch((error: unknown) => {
      if (!this.#givenUp.signal.aborted) options.onFailure(error);
    });
  }

  /** Gives up connecting, or disconnects once what waits is sent. */
  async close(): Promise<void> {
    this.#givenUp.abort();
    const [connected] = await Promise.allSettled([this.connected]);
    if (connected.status === "fulfilled") await connected.value.close();
  }

  async #connect(): Promise<Bus> {
    const { server, namespace, name, log } = this.#options;
    const waiting = setTimeout(() => {
      log.warn({ server: redactedAddress(server) }, "no server answers yet; jobs of before are looked after");
    }, QUIET_MS);
    try {
      const bus = await connectBus({
        server,
        namespace,
        name: `millrace agent ${name} on ${hostname()}`,
        firstConnectTimeoutMs: Number.POSITIVE_INFINITY,
        signal: this.#givenUp.signal,
      });
      bus.onStatus((status) => {
        if (status.kind === "denied") this.#onDenied(status);
      });
      this.transport.arrive(new NatsTransport(bus));
      return bus;
    } finally {
      clearTimeout(waiting);
    }
  }

  #onDenied({ operation, subject }: Denied): void {
    const { log, onFailure, name } = this.#options;
    const denied = `${operation === "subscription" ? "subscribing" : "publishing"} to ${subject}`;
    const fix = `Allow it for the user of agent ${name} in nats-server's configuration.`;
    if (!this.#told.has(denied) && this.#told.size < MOST_TOLD) {
      this.#told.add(denied);
      log.error({ operation, subject, fix }, `permission denied: ${denied}`);
    }
    if (!this.#isVital(operation, subject)) return;
    const why = `the server denies ${denied}, which an agent can't do without`;
    onFailure(new MillraceError("unavailable", why, { fix }));
  }

  /** Orders come by its own subject, answers of the server by an inbox; what it says goes to subjects of its own. */
  #isVital(operation: string, subject: string): boolean {
    const { subjects, name } = this.#options;
    if (operation === "subscription")
      return subject === subjects.toAgent(name) || subject.startsWith("_INBOX.");
    return (["hello", "heartbeat", "report"] as const).some(
      (kind) => subject === subjects.fromAgent(name, kind),
    );
  }
}
