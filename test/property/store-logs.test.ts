import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkBuffers, cutChunks } from "../../shared/store/chunks.ts";
import { type LogChunk, LogOrder, type LogPiece } from "../../shared/store/log-order.ts";
import { lastLines } from "../../shared/store/log-tail.ts";

const LOG = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz".repeat(4));

/** Checks that the pieces follow each other from an offset on, and returns their bytes, lost ones as dots. */
function text(pieces: readonly LogPiece[], fromOffset: number): string {
  let position = fromOffset;
  let seen = "";
  for (const piece of pieces) {
    expect(piece.offset).toBe(position);
    const length = piece.kind === "lost" ? piece.bytes : piece.bytes.length;
    expect(length).toBeGreaterThan(0);
    seen += piece.kind === "lost" ? ".".repeat(length) : Buffer.from(piece.bytes).toString();
    position += length;
  }
  return seen;
}

describe("the order of a log", () => {
  it("is restored from a writer that repeats and overtakes itself", () => {
    const sends = fc.array(fc.record({ size: fc.integer({ min: 1, max: 9 }), isLost: fc.boolean() }));
    fc.assert(
      fc.property(sends, fc.nat(LOG.length), (rounds, fromOffset) => {
        const stream: LogChunk[] = [];
        let acknowledged = 0;
        // Sends on after a loss, then again from the acknowledged offset, as a writer does.
        for (let sent = 0, round = 0; acknowledged < LOG.length; round += 1) {
          const { size, isLost } = rounds[round] ?? { size: 9, isLost: false };
          const bytes = LOG.subarray(sent, sent + size);
          if (!isLost) stream.push({ offset: sent, acknowledged, bytes });
          if (!isLost && sent <= acknowledged) acknowledged = Math.max(acknowledged, sent + bytes.length);
          sent += bytes.length;
          if (sent >= LOG.length || (isLost && round % 2 === 0)) sent = acknowledged;
        }
        const order = new LogOrder(fromOffset);
        const pieces = stream.flatMap((chunk) => order.take(chunk));
        pieces.push(...order.finish(LOG.length));
        expect(text(pieces, fromOffset)).toBe(LOG.subarray(fromOffset).toString());
      }),
    );
  });

  it("has each byte once, or says it is lost, whatever is missing from the stream", () => {
    const chunks = fc.array(
      fc.record({
        offset: fc.nat(LOG.length - 1),
        size: fc.integer({ min: 1, max: 20 }),
        acknowledged: fc.nat(40),
      }),
    );
    fc.assert(
      fc.property(chunks, fc.nat(50), (found, fromOffset) => {
        const order = new LogOrder(fromOffset);
        const pieces = found.flatMap(({ offset, size, acknowledged }) =>
          order.take({
            offset,
            acknowledged: Math.min(acknowledged, offset),
            bytes: LOG.subarray(offset, offset + size),
          }),
        );
        pieces.push(...order.finish(LOG.length));
        const seen = text(pieces, fromOffset);
        expect(seen).toHaveLength(LOG.length - fromOffset);
        for (const [index, character] of [...seen].entries()) {
          if (character !== ".")
            expect(character).toBe(String.fromCharCode(LOG[fromOffset + index] as number));
        }
      }),
    );
  });

  it("says lost as soon as a later chunk tells that the bytes had been stored", () => {
    const order = new LogOrder();
    expect(order.take({ offset: 10, acknowledged: 0, bytes: LOG.subarray(10, 12) })).toEqual([]);
    expect(text(order.take({ offset: 12, acknowledged: 12, bytes: LOG.subarray(12, 14) }), 0)).toBe(
      "..........abcd",
    );
  });

  it("does not hold back more than a writer can have on its way", () => {
    const order = new LogOrder();
    const bytes = Buffer.alloc(1024 * 1024);
    let out = 0;
    for (let index = 1; index < 20; index += 1) {
      out += order.take({ offset: index * bytes.length, acknowledged: 0, bytes }).length;
    }
    expect(out).toBeGreaterThan(10);
  });
});

it("cuts any pieces to chunks of one length that join to the same bytes", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 50 }));
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 30 }), async (source, length) => {
      const buffers = new ChunkBuffers(30, 1);
      const chunks: Uint8Array[] = [];
      for await (const chunk of cutChunks(source, length, buffers)) {
        chunks.push(Buffer.from(chunk));
        buffers.give(chunk);
      }
      expect(Buffer.concat(chunks)).toEqual(Buffer.concat(source));
      expect(chunks.slice(0, -1).every((chunk) => chunk.length === length)).toBe(true);
      expect(chunks.every((chunk) => chunk.length > 0 && chunk.length <= length)).toBe(true);
    }),
  );
});

it.each([
  ["a\nb\nc\n", 2, true, ["b", "c"]],
  ["a\nb\nc", 2, true, ["b", "c"]],
  ["a\n", 5, true, ["a"]],
  ["cut\nb\n", 5, false, ["b"]],
  ["endless", 5, false, ["endless"]],
  ["", 5, true, []],
  ["a\n", 0, true, []],
])("finds the last lines of %j", (log, lines, isWhole, expected) => {
  expect(lastLines(Buffer.from(log), lines, isWhole)).toEqual(expected);
});
