/** Reads a tar: its entries one after the other, each with its bytes. */
import { extract, type Header } from "tar-stream";
import { asMillraceError } from "../model/error.ts";

export interface TarEntry {
  readonly header: Header;
  /** To be read to its end before the next entry is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** The entries in order, to their end or until the caller leaves; throws what the source throws, and `corrupt` when the bytes are not a whole tar. */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const tar = extract();
  let failure: unknown;
  let isEnded = false;
  let goOn: (() => void) | undefined;
  tar.on("drain", () => goOn?.());
  tar.on("close", () => goOn?.());
  const feed = async () => {
    for await (const piece of source) {
      if (tar.destroyed) return;
      if (!tar.write(piece)) {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
    }
    isEnded = true;
    tar.end(undefined);
  };
  const fed = feed().catch((error: unknown) => {
    failure = error;
    tar.destroy(error instanceof Error ? error : undefined);
  });
  const reason = (error: unknown) => failure ?? asMillraceError(error, "the tar is damaged", "corrupt");
  const read = async function* (content: AsyncIterable<Uint8Array>) {
    try {
      for await (const piece of content) yield piece;
    } catch (error) {
      throw reason(error);
    }
  };
  try {
    for await (const entry of tar) {
      yield { header: entry.header, content: read(entry as AsyncIterable<Uint8Array>) };
    }
  } catch (error) {
    throw reason(error);
  } finally {
    if (isEnded) await fed;
    else tar.destroy(); // and the source is left as soon as it gives its next piece
  }
  if (failure !== undefined) throw failure;
}
