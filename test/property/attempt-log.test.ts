import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AttemptLog, type LogSink } from "../../agent/actors/attempt-log.ts";
import { LogBacklog } from "../../agent/actors/log-backlog.ts";
import { LogOrder, type LogPiece } from "../../shared/store/log-order.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attempt-log-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/**
 * A stream that can be shut: while it is, whoever writes waits. It puts chunks in order as a reader does. What an agent
 * that is dead had on its way never comes.
 */
class Stream {
  readonly pieces: LogPiece[] = [];
  readonly #order = new LogOrder();
  #opened: (() => void) | undefined;
  #gate: Promise<void> | undefined;
  #writers = 0;

  shut(): void {
    this.#gate ??= new Promise((resolve) => {
      this.#opened = resolve;
    });
  }

  open(): void {
    this.#opened?.();
    this.#gate = undefined;
  }

  sink(fromOffset: number): LogSink {
    let offset = fromOffset;
    let acknowledged = fromOffset;
    const writer = ++this.#writers;
    const pass = async () => {
      await this.#gate;
      if (writer !== this.#writers) await new Promise(() => {});
    };
    return {
      write: async (bytes) => {
        await pass();
        this.pieces.push(...this.#order.take({ offset, acknowledged, bytes }));
        offset += bytes.length;
        acknowledged = offset;
      },
      skipTo: async (to) => {
        await pass();
        offset = to;
        acknowledged = to;
      },
      acknowledgedBytes: () => acknowledged,
      end: () => Promise.resolve(),
    };
  }
}

/** What the job has written at a place of its log. */
function written(offset: number, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, at) => (offset + at) % 251));
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("write" as const), bytes: fc.integer({ min: 1, max: 3_000 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "shut" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "open" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

test("whatever the stream and the agent do, readers get each byte in its place or hear how many were cut", async () => {
  let round = 0;
  let cuts = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      round += 1;
      const place = { log: join(folder, `log-${round}`), control: folder };
      rmSync(join(folder, "log-released"), { force: true });
      const limitBytes = 5_000;
      const stream = new Stream();
      const logOf = () =>
        new AttemptLog({
          place,
          isLeftover: true,
          openSink: (from) => stream.sink(from),
          punch: () => Promise.resolve(),
          backlog: new LogBacklog(limitBytes),
        });
      let log = logOf();
      let size = 0;
      for (const it of steps) {
        if (it.kind === "shut") stream.shut();
        if (it.kind === "open") stream.open();
        if (it.kind === "restart") log = logOf();
        if (it.kind === "write") {
          appendFileSync(place.log, written(size, it.bytes));
          size += it.bytes;
          void log.ship();
          expect(log.backlogBytes()).toBeLessThanOrEqual(limitBytes);
          await Promise.resolve();
        }
      }
      stream.open();
      log.close();
      await log.stored();
      let position = 0;
      for (const piece of stream.pieces) {
        expect(piece.offset).toBe(position);
        position += piece.kind === "lost" ? piece.bytes : piece.bytes.length;
        if (piece.kind === "lost") cuts += 1;
        else expect(Buffer.compare(piece.bytes, written(piece.offset, piece.bytes.length))).toBe(0);
      }
      expect(position).toBe(size);
      if (size > 0) expect(readFileSync(place.log)).toHaveLength(size);
    }),
    { numRuns: 150 },
  );
  expect(cuts).toBeGreaterThan(10);
});
