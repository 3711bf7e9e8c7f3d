import { hash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { tarEntries } from "../../../shared/store/tar-entries.ts";
import { TAR_END, tarHeader, tarPadding } from "../../../shared/store/tar-writer.ts";

interface File {
  readonly path: string;
  readonly bytes: Uint8Array;
}

function tarOf(files: readonly File[]): Buffer {
  const parts = files.flatMap(({ path, bytes }) => [
    tarHeader({ path, type: "file", mode: 0o644, size: bytes.length }),
    bytes,
    tarPadding(bytes.length),
  ]);
  return Buffer.concat([...parts, TAR_END]);
}

/** In pieces of this size; counts those that were asked for. */
class Source {
  asked = 0;
  isLeft = false;
  readonly #tar: Uint8Array;
  readonly #pieceBytes: number;

  constructor(tar: Uint8Array, pieceBytes: number) {
    this.#tar = tar;
    this.#pieceBytes = pieceBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < this.#tar.length; at += this.#pieceBytes) {
        this.asked += 1;
        yield this.#tar.subarray(at, at + this.#pieceBytes);
      }
    } finally {
      this.isLeft = true;
    }
  }
}

function sized(sizes: readonly number[]): File[] {
  return sizes.map((size, index) => ({ path: `f${index}`, bytes: Buffer.alloc(size, index + 1) }));
}

/** A path and a digest, as to compare bytes one by one takes long. */
function summaryOf({ path, bytes }: File): string {
  return `${path} ${hash("sha256", bytes)}`;
}

async function filesIn(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const files: string[] = [];
  for await (const { header, content } of tarEntries(source)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    files.push(summaryOf({ path: header.name, bytes: Buffer.concat(pieces) }));
  }
  return files;
}

test("gives small and large files in order, however the bytes come in pieces", async () => {
  const size = fc.oneof(fc.nat(2_000), fc.constantFrom(0, 512, 262_144, 262_145, 600_000));
  const pieceBytes = fc.oneof(fc.integer({ min: 1_000, max: 20_000 }), fc.constantFrom(131_072, 10_000_000));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { maxLength: 12 }), pieceBytes, async (sizes, bytes) => {
      const files = sized(sizes);
      expect(await filesIn(new Source(tarOf(files), bytes))).toEqual(files.map(summaryOf));
    }),
    { numRuns: 50 },
  );
});

test("a cut tar is corrupt, wherever it is cut, and gives the files before the cut", async () => {
  const files = sized([10, 300_000, 700]);
  const tar = tarOf(files);
  const cuts = [100, 512 + 5, 1024 + 512 + 1_000, 1024 + 512 + 300_032 + 512 + 3];
  for (const [whole, cut] of [0, 0, 1, 2].map((count, index) => [count, cuts[index]!] as const)) {
    const seen: string[] = [];
    const read = async () => {
      for await (const { header, content } of tarEntries(new Source(tar.subarray(0, cut), 64_000))) {
        for await (const _ of content);
        seen.push(header.name);
      }
    };
    await expect(read()).rejects.toMatchObject({ code: "corrupt" });
    expect(seen).toEqual(files.slice(0, whole).map(({ path }) => path));
  }
});

test("what the source throws is thrown as it is", async () => {
  const failure = new Error("no connection");
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield tarOf(sized([10, 400_000])).subarray(0, 200_000);
    throw failure;
  }
  await expect(filesIn(broken())).rejects.toBe(failure);
});

test("asks for no more than the next piece while what it has read is not taken", async () => {
  const source = new Source(tarOf(sized(Array.from({ length: 100 }, () => 5_000))), 20_000);
  const entries = tarEntries(source);
  await entries.next();
  await new Promise((resolve) => setImmediate(resolve));
  expect(source.asked).toBeLessThanOrEqual(2);
  await entries.return(undefined);
});

test("leaves the source when nobody wants more of it", async () => {
  const source = new Source(tarOf(sized([10, 10, 900_000, 10])), 5_000);
  for await (const { header } of tarEntries(source)) if (header.name === "f1") break;
  for (let turn = 0; turn < 50 && !source.isLeft; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  expect(source.isLeft).toBe(true);
});
