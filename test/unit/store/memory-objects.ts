import { MillraceError } from "../../../shared/model/error.ts";
import type { ObjectInfo, Objects } from "../../../shared/store/objects.ts";

/** Objects without a server; `stored` may be tampered with. */
export class MemoryObjects implements Objects {
  readonly stored = new Map<string, Buffer>();
  readonly #terms = new Map<string, number>();

  async put(name: string, make: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ObjectInfo> {
    if (!this.stored.has(name)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of make()) pieces.push(Buffer.from(piece));
      this.stored.set(name, Buffer.concat(pieces));
    }
    return (await this.info(name)) as ObjectInfo;
  }

  async replace(
    name: string,
    make: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    term: number,
  ): Promise<boolean> {
    if (term < (this.#terms.get(name) ?? 0)) return false;
    this.#terms.set(name, term);
    await this.remove(name);
    await this.put(name, make);
    return true;
  }

  async *get(name: string): AsyncGenerator<Uint8Array> {
    const bytes = this.stored.get(name);
    if (bytes === undefined) throw new MillraceError("notFound", `there is no object ${name}`);
    for (let from = 0; from < bytes.length; from += 1000) yield bytes.subarray(from, from + 1000);
  }

  async announce(name: string): Promise<boolean> {
    return this.stored.has(name);
  }

  async info(name: string): Promise<ObjectInfo | undefined> {
    const bytes = this.stored.get(name);
    return bytes && { name, bytes: bytes.length, chunks: 1, digest: "" };
  }

  async remove(name: string): Promise<void> {
    this.stored.delete(name);
  }
}
