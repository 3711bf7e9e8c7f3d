/** The actors' transport over NATS: core publish and subscribe, at most once, lost across an outage. */
import { type Msg, NatsError, type Subscription } from "nats";
import type { Cancel, Transport, TransportStatus } from "../actor/contract.ts";
import { MillraceError } from "../model/error.ts";
import type { Bus } from "./connection.ts";

/** Carries actors' messages over the bus. Closing it ends its subscriptions and leaves the bus open. */
export class NatsTransport implements Transport {
  readonly #bus: Bus;
  readonly #subscriptions = new Set<Subscription>();
  readonly #statusListeners = new Set<Cancel>();
  #isClosed = false;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  publish(subject: string, payload: Uint8Array): void {
    if (this.#isClosed || this.#bus.connection.isClosed()) return;
    try {
      this.#bus.connection.publish(subject, payload);
    } catch (cause) {
      throw publishError(subject, payload, this.#bus.maxPayload(), cause);
    }
  }

  subscribe(subject: string, deliver: (payload: Uint8Array, subject: string) => void): Cancel {
    if (this.#isClosed) return () => undefined;
    const subscription = this.#bus.connection.subscribe(subject, {
      callback: (error, message) => {
        // A refused subscription is told by the bus as the status `denied`.
        if (error === null) deliverGuarded(message, deliver);
      },
    });
    this.#subscriptions.add(subscription);
    return () => {
      if (this.#subscriptions.delete(subscription)) subscription.unsubscribe();
    };
  }

  onStatus(listener: (status: TransportStatus) => void): Cancel {
    const cancel = this.#bus.onStatus(({ kind }) => {
      if (kind === "connected" || kind === "disconnected") listener(kind);
    });
    this.#statusListeners.add(cancel);
    return () => {
      this.#statusListeners.delete(cancel);
      cancel();
    };
  }

  async flush(): Promise<void> {
    try {
      await this.#bus.connection.flush();
    } catch (cause) {
      throw new MillraceError("unavailable", "the connection to NATS was lost before all was sent", {
        cause,
      });
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const cancel of this.#statusListeners) cancel();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions.clear();
  }
}

/** A throw inside the client's reader would silently end all reading; outside it is the fault it is. */
function deliverGuarded(message: Msg, deliver: (payload: Uint8Array, subject: string) => void): void {
  try {
    deliver(message.data, message.subject);
  } catch (fault) {
    queueMicrotask(() => {
      throw fault;
    });
  }
}

function publishError(subject: string, payload: Uint8Array, maxPayload: number, cause: unknown): unknown {
  if (cause instanceof NatsError && cause.code === "MAX_PAYLOAD_EXCEEDED") {
    return new MillraceError(
      "badInput",
      `a message of ${payload.length} bytes to ${subject} passes the server's limit of ${maxPayload}`,
      { fix: "Raise max_payload in nats-server's configuration.", cause },
    );
  }
  return cause;
}
