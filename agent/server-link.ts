/**
 * An agent's connection to its server. The server may be away when the agent starts; what an earlier process left is
 * looked after from its records meanwhile, and reported when there is a connection.
 *
 * It fails for good when trying again is of no use: wrong credentials or address, a server too old, or without the
 * permission to hear orders or to answer them. Another subject that is denied is told, once, and what needs it waits.
 */
import { hostname } from "node:os";
import type { Logger } from "../shared/actor/contract.ts";
import { type Bus, connectBus } from "../shared/bus/connection.ts";
import { Denials, type Denied } from "../shared/bus/denials.ts";
import { LateTransport } from "../shared/bus/late-transport.ts";
import { NatsTransport } from "../shared/bus/nats-transport.ts";
import { redactedAddress } from "../shared/bus/server-url.ts";
import type { Subjects } from "../shared/bus/subjects.ts";

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

/** After this time without a connection it says that it waits. */
const QUIET_MS = 5_000;

export class ServerLink {
  readonly transport = new LateTransport();
  /** Rejects when there will be none. */
  readonly connected: Promise<Bus>;
  readonly #options: ServerLinkOptions;
  readonly #givenUp = new AbortController();
  readonly #denials: Denials;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
    const { log, name } = options;
    this.#denials = new Denials({ log, who: "an agent", user: `the user of agent ${name}` });
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

  #onDenied(denied: Denied): void {
    this.#denials.tell(denied);
    if (this.#isVital(denied.operation, denied.subject))
      this.#options.onFailure(this.#denials.asError(denied));
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
