/**
 * Sends the chunks of one object in order, with at most a window of bytes not acknowledged. The first publish that
 * is not stored ends it: chunks carry no numbers, so one sent again would come out of order.
 */
import type { AckInbox, Acknowledgement } from "./ack-inbox.ts";
import type { ChunkBuffers } from "./chunks.ts";

export type UploadFailure = Exclude<Acknowledgement, { kind: "stored" }>;

/** On their way at most. */
export const WINDOW_BYTES = 8 * 1024 * 1024;

/** One try of one object. */
export class ChunkUpload {
  readonly #acks: AckInbox;
  readonly #subject: string;
  readonly #buffers: ChunkBuffers;
  readonly #settled: (() => void)[] = [];
  #inFlightBytes = 0;
  #roomBytes = WINDOW_BYTES;
  #failure: UploadFailure | undefined;
  #wake: (() => void) | undefined;

  constructor(acks: AckInbox, subject: string, buffers: ChunkBuffers) {
    this.#acks = acks;
    this.#subject = subject;
    this.#buffers = buffers;
  }

  /** Why the upload can't be completed any more, once that is known. */
  get failure(): UploadFailure | undefined {
    return this.#failure;
  }

  /** Sends a chunk, a buffer of this upload's, and gives it back once it is stored; resolves when there is room for the next one, or the upload has failed. */
  async send(chunk: Uint8Array): Promise<void> {
    this.#inFlightBytes += chunk.length;
    this.#acks.publish(this.#subject, chunk, undefined, (acknowledgement) => {
      this.#inFlightBytes -= chunk.length;
      // What was lost may still be read by the client, which sends it sooner or later.
      if (acknowledgement.kind === "stored") this.#buffers.give(chunk);
      else this.#failure ??= acknowledgement;
      if (this.#failure !== undefined || this.#inFlightBytes < this.#roomBytes) this.#wake?.();
      if (this.#inFlightBytes === 0) for (const resolve of this.#settled.splice(0)) resolve();
    });
    await this.#until(WINDOW_BYTES);
  }

  /** Resolves when every chunk is stored, or the upload has failed. */
  async stored(): Promise<void> {
    await this.#until(1);
  }

  /** Resolves when nothing is in flight, stored or not, or the signal comes: a chunk may overtake an earlier purge. */
  settled(signal?: AbortSignal): Promise<void> {
    if (this.#inFlightBytes === 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled.push(resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Waits for fewer bytes in flight than the limit. */
  #until(limitBytes: number): Promise<void> {
    if (this.#failure !== undefined || this.#inFlightBytes < limitBytes) return Promise.resolve();
    this.#roomBytes = limitBytes;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
