import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DigestScan } from "../../../coordinator/core/digest-scan.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
/** Documents with digests as values and keys, beside all else that may be mistaken for a part of one. */
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { maxDepth: 4 },
    digest,
    fc.string(),
    fc.integer(),
    fc.stringMatching(/^[0-9a-f]{0,63}$/),
    fc.array(tie("document"), { maxLength: 6 }),
    fc.array(fc.tuple(fc.string(), tie("document")), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  ),
}));

function digestsIn(value: unknown): string[] {
  if (typeof value === "string") return /^[0-9a-f]{64}$/.test(value) ? [value] : [];
  if (value instanceof Map) return [...value.values()].flatMap(digestsIn);
  return Array.isArray(value) ? value.flatMap(digestsIn) : [];
}

function scanned(bytes: Uint8Array, cut: number): string[] {
  const scan = new DigestScan();
  const found: string[] = [];
  for (let from = 0; from < bytes.length; from += cut)
    found.push(...scan.read(bytes.subarray(from, from + cut)));
  return found;
}

describe("a scan for digests", () => {
  it("finds each one in a message and in JSON, however they are cut", () => {
    const codec = new MessageCodec();
    fc.assert(
      fc.property(document, fc.integer({ min: 1, max: 300 }), (value, cut) => {
        const wanted = digestsIn(value);
        const json = JSON.stringify(value, (_key, part) => (part instanceof Map ? [...part] : part));
        expect(scanned(codec.encode(value), cut)).toEqual(expect.arrayContaining(wanted));
        expect(scanned(Buffer.from(json), cut)).toEqual(expect.arrayContaining(wanted));
      }),
      { numRuns: 500 },
    );
  });

  it("joins nothing across documents", () => {
    const scan = new DigestScan();
    expect(scan.read(Buffer.from("a".repeat(40)))).toEqual([]);
    scan.restart();
    expect(scan.read(Buffer.from("a".repeat(40)))).toEqual([]);
  });
});
