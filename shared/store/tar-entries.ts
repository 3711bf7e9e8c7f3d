/**
 * Reads a tar: its entries one after the other, each with its bytes. Those of a small file come whole: a stream of its own for
 * each file costs more than to write it.
 *
 * What has been read ahead is what one piece of the source has in small files: the next piece is asked for when all these are taken.
 */
import { type ExtractEvents, extract, type Header } from "tar-stream";
import { asMillraceError } from "../model/error.ts";
import { SMALL_FILE_BYTES } from "./source-file.ts";

export interface TarEntry {
  readonly header: Header;
  /** All pieces where it is small; else to be read to its end before the next entry is asked for. */
  readonly content: readonly Uint8Array[] | AsyncIterable<Uint8Array>;
}

/** The entries in order, to their end or until the caller leaves; throws what the source throws, and `corrupt` when the bytes are not a whole tar. */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reading = new TarReading(source);
  try {
    for (;;) {
      const entry = await reading.next();
      if (entry === undefined) return;
      yield entry;
    }
  } finally {
    await reading.leave();
  }
}

class TarReading {
  readonly #tar = extract();
  readonly #arrived: TarEntry[] = [];
  readonly #fed: Promise<void>;
  /** What the source has thrown, and what is wrong with its bytes. */
  #sourceError: unknown;
  #tarError: unknown;
  #isFull = false;
  /** All bytes of the source are written. */
  #isFed = false;
  #isOver = false;
  /** Something has arrived, or it is over. */
  #goOnTaking: (() => void) | undefined;
  /** There is room, all that arrived is taken, or it is over. */
  #goOnFeeding: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#tar.on("entry", (header, stream, next) => this.#onEntry(header, stream, next));
    this.#tar.on("drain", () => {
      this.#isFull = false;
      this.#goOnFeeding?.();
    });
    this.#tar.on("error", (error) => {
      this.#tarError = error;
    });
    this.#tar.on("close", () => {
      this.#isOver = true;
      this.#goOnTaking?.();
      this.#goOnFeeding?.();
    });
    this.#fed = this.#feed(source).catch((error: unknown) => {
      this.#sourceError = error;
      this.#tar.destroy(error instanceof Error ? error : undefined);
    });
  }

  async next(): Promise<TarEntry | undefined> {
    while (this.#arrived.length === 0) {
      if (this.#isOver) {
        const error = this.#sourceError ?? this.#tarError;
        if (error !== undefined) throw this.#reason(error);
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#goOnTaking = resolve;
      });
    }
    const entry = this.#arrived.shift();
    if (this.#arrived.length === 0) this.#goOnFeeding?.();
    return entry;
  }

  /** Nothing more is taken; the source is left as soon as it gives its next piece. */
  async leave(): Promise<void> {
    if (this.#isFed) await this.#fed;
    else this.#tar.destroy();
  }

  async #feed(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of source) {
      if (this.#tar.destroyed) return;
      this.#isFull = !this.#tar.write(piece);
      while (!this.#isOver && (this.#isFull || this.#arrived.length > 0)) {
        await new Promise<void>((resolve) => {
          this.#goOnFeeding = resolve;
        });
      }
    }
    this.#isFed = true;
    this.#tar.end(undefined);
  }

  #onEntry(...[header, stream, next]: ExtractEvents["entry"]): void {
    const arrive = (content: TarEntry["content"]): void => {
      this.#arrived.push({ header, content });
      this.#goOnTaking?.();
    };
    // What destroys it, maybe before anybody reads it, is an error of the whole, and is told as such.
    stream.on("error", () => {});
    if (header.size > SMALL_FILE_BYTES) {
      stream.on("end", next);
      arrive(this.#read(stream as AsyncIterable<Uint8Array>));
      return;
    }
    const pieces: Uint8Array[] = [];
    stream.on("data", (piece) => pieces.push(piece as Uint8Array));
    stream.on("end", () => {
      arrive(pieces);
      next();
    });
  }

  async *#read(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of stream) yield piece;
    } catch (error) {
      throw this.#reason(error);
    }
  }

  /** What to throw: the source's own error, or that its bytes are no whole tar. */
  #reason(error: unknown): unknown {
    return this.#sourceError ?? asMillraceError(this.#tarError ?? error, "the tar is damaged", "corrupt");
  }
}
