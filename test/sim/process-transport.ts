/** A process's connection to the simulated bus: what arrives waits while it is paused, and observers see all of it. */
import type { Cancel, Transport, TransportStatus } from "../../shared/actor/contract.ts";
import type { MemoryTransport } from "../../shared/actor/memory-network.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { SlowMail } from "./slow-mail.ts";

/** Sees what a process says, from outside. */
export type Tap = (node: string, subject: string, payload: Uint8Array) => void;

export class ProcessTransport implements Transport {
  readonly #transport: MemoryTransport;
  readonly #process: SimulatedProcess;
  readonly #onPublished: Tap;
  readonly #mail: SlowMail;

  constructor(transport: MemoryTransport, process: SimulatedProcess, mail: SlowMail, onPublished: Tap) {
    this.#transport = transport;
    this.#mail = mail;
    this.#process = process;
    this.#onPublished = onPublished;
  }

  publish(subject: string, payload: Uint8Array): void {
    this.#onPublished(this.#process.name, subject, payload);
    if (this.#mail.take(this.#process.name, subject, payload)) this.#transport.publish(subject, payload);
  }

  subscribe(pattern: string, deliver: (payload: Uint8Array, subject: string) => void): Cancel {
    let isCancelled = false;
    const cancel = this.#transport.subscribe(pattern, (payload, subject) => {
      this.#process.arrive(() => {
        if (!isCancelled) deliver(payload, subject);
      });
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  onStatus(listener: (status: TransportStatus) => void): Cancel {
    return this.#transport.onStatus((status) => {
      this.#process.arrive(() => listener(status));
    });
  }

  flush(): Promise<void> {
    return this.#transport.flush();
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
