/**
 * The actors' transport where actors must work before there is a connection. Until one comes it is as during an outage:
 * what is published is lost in silence, subscriptions wait, and then it is told as a reconnect is.
 */
import type { Cancel, Transport, TransportStatus } from "../actor/contract.ts";

interface Subscribed {
  readonly subject: string;
  readonly deliver: (payload: Uint8Array, subject: string) => void;
  cancel: Cancel | undefined;
}

export class LateTransport implements Transport {
  #transport: Transport | undefined;
  readonly #subscribed = new Set<Subscribed>();
  readonly #listeners = new Set<(status: TransportStatus) => void>();

  /** From now on it carries; called once. */
  arrive(transport: Transport): void {
    this.#transport = transport;
    for (const one of this.#subscribed) one.cancel = transport.subscribe(one.subject, one.deliver);
    transport.onStatus((status) => this.#tell(status));
    this.#tell("connected");
  }

  publish(subject: string, payload: Uint8Array): void {
    this.#transport?.publish(subject, payload);
  }

  subscribe(subject: string, deliver: Subscribed["deliver"]): Cancel {
    const one: Subscribed = { subject, deliver, cancel: this.#transport?.subscribe(subject, deliver) };
    this.#subscribed.add(one);
    return () => {
      if (this.#subscribed.delete(one)) one.cancel?.();
    };
  }

  onStatus(listener: (status: TransportStatus) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async flush(): Promise<void> {
    await this.#transport?.flush();
  }

  async close(): Promise<void> {
    this.#subscribed.clear();
    this.#listeners.clear();
    await this.#transport?.close();
  }

  #tell(status: TransportStatus): void {
    for (const listener of [...this.#listeners]) listener(status);
  }
}
