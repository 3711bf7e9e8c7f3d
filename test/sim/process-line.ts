/** Request and reply of a process over the simulated bus; whether anybody is there the server tells at once. */
import type { Cancel, Transport } from "../../shared/actor/contract.ts";
import type { MemoryNetwork } from "../../shared/actor/memory-network.ts";
import type { MessageCodec } from "../../shared/actor/message-codec.ts";
import type { LineAnswer, LineHandler, RequestLine } from "../../shared/bus/request-line.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

interface Request {
  readonly replyTo: string;
  readonly payload: Uint8Array;
}

const SERVER_MS = 2;

export class ProcessLine implements RequestLine {
  readonly #process: SimulatedProcess;
  readonly #transport: Transport;
  readonly #network: MemoryNetwork;
  readonly #codec: MessageCodec;
  readonly #newId: () => string;

  constructor(
    process: SimulatedProcess,
    parts: { transport: Transport; network: MemoryNetwork; codec: MessageCodec; newId: () => string },
  ) {
    this.#process = process;
    this.#transport = parts.transport;
    this.#network = parts.network;
    this.#codec = parts.codec;
    this.#newId = parts.newId;
  }

  ask(subject: string, payload: Uint8Array, timeoutMs: number): Promise<LineAnswer> {
    return new Promise((resolve) => {
      const cancels: Cancel[] = [];
      const end = (answer: LineAnswer): void => {
        for (const cancel of cancels) cancel();
        resolve(answer);
      };
      if (!this.#network.isHeard(subject)) {
        cancels.push(this.#process.schedule(SERVER_MS, () => end({ kind: "nobody" })));
        return;
      }
      const replyTo = `inbox.${this.#newId()}`;
      cancels.push(this.#transport.subscribe(replyTo, (reply) => end({ kind: "answer", payload: reply })));
      cancels.push(this.#process.schedule(timeoutMs, () => end({ kind: "silence" })));
      this.#transport.publish(subject, this.#codec.encode({ replyTo, payload } satisfies Request));
    });
  }

  serve(pattern: string, answer: LineHandler): Cancel {
    return this.#transport.subscribe(pattern, (message, subject) => {
      const { replyTo, payload } = this.#codec.decode(message) as Request;
      // What fails stays unanswered, as over NATS.
      answer(payload, subject).then(
        (reply) => reply !== undefined && this.#transport.publish(replyTo, reply),
        () => undefined,
      );
    });
  }
}
