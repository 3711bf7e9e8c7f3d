import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AttemptLog } from "../../../agent/actors/attempt-log.ts";
import { LogBacklog } from "../../../agent/actors/log-backlog.ts";

const MIB = 2 ** 20;
let folder: string;
let path: string;
/** Bytes that were handed over. */
let shipped: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attempt-log-"));
  path = join(folder, "log");
  shipped = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

function openLog(whenWritten = () => {}): AttemptLog {
  return new AttemptLog({
    place: { log: path, control: folder },
    isLeftover: true,
    openSink: () => ({
      write: async (bytes) => {
        shipped += bytes.length;
        whenWritten();
      },
      skipTo: () => Promise.resolve(),
      acknowledgedBytes: () => shipped,
      end: () => Promise.resolve(),
    }),
    punch: () => Promise.resolve(),
    backlog: new LogBacklog(MIB),
  });
}

test("ends a closed log that is truncated while it is shipped", async () => {
  writeFileSync(path, Buffer.alloc(MIB));
  const log = openLog(() => truncateSync(path, 0));
  log.close();
  await log.stored();
  expect(shipped).toBeLessThan(MIB);
  expect(log.backlogBytes()).toBe(0);
});

test("hands over each byte of a long log in its place, and frees what is stored in large pieces", async () => {
  const written = Buffer.from(Array.from({ length: MIB + 5 }, (_, at) => at % 251));
  const holes: [from: number, to: number][] = [];
  let total = 0;
  const log = new AttemptLog({
    place: { log: path, control: folder },
    isLeftover: true,
    openSink: () => ({
      write: async (bytes) => {
        const place = total % written.length;
        expect(written.subarray(place, place + bytes.length).equals(bytes)).toBe(true);
        total += bytes.length;
      },
      skipTo: () => Promise.reject(new Error("nothing was cut")),
      acknowledgedBytes: () => total,
      end: () => Promise.resolve(),
    }),
    punch: async (_, from, to) => {
      holes.push([from, to]);
    },
    backlog: new LogBacklog(1024 * MIB),
  });
  for (let times = 0; times < 130; times += 1) {
    appendFileSync(path, written);
    await log.ship();
  }
  log.close();
  await log.stored();
  expect(total).toBe(130 * written.length);
  expect(holes).toHaveLength(1);
  expect(holes[0]?.[0]).toBe(0);
});

describe("a log that the job empties", () => {
  /** What was handed over, and where it belongs. */
  let pieces: [offset: number, text: string][];

  function open(): AttemptLog {
    return new AttemptLog({
      place: { log: path, control: folder },
      isLeftover: true,
      openSink: (from) => {
        let offset = from;
        return {
          write: async (bytes) => {
            pieces.push([offset, Buffer.from(bytes).toString()]);
            offset += bytes.length;
          },
          skipTo: async (to) => {
            offset = to;
          },
          acknowledgedBytes: () => offset,
          end: () => Promise.resolve(),
        };
      },
      punch: () => Promise.resolve(),
      backlog: new LogBacklog(MIB),
    });
  }

  beforeEach(() => {
    pieces = [];
  });

  test.each([
    ["fewer", "new"],
    ["as many other", "other words"],
    ["more", "words that are more than those before"],
  ])(
    "and in which there are %s bytes at the next look goes on behind what was read, after a gap",
    async (_, text) => {
      const log = open();
      writeFileSync(path, "first words");
      await log.ship();
      writeFileSync(path, text);
      // Two writes within one tick of the file system's clock would have one time.
      utimesSync(path, 1, 1);
      await log.ship();
      appendFileSync(path, " and so on");
      await log.ship();
      expect(pieces).toEqual([
        [0, "first words"],
        [12, text],
        [12 + text.length, " and so on"],
      ]);
      expect(log.close()).toBe(12 + text.length + 10);
    },
  );

  test("before it was read lacks all that was seen", async () => {
    const log = open();
    writeFileSync(path, "never read");
    expect(log.size()).toBe(10);
    truncateSync(path);
    expect(log.size()).toBe(11);
    expect(log.backlogBytes()).toBe(0);
    appendFileSync(path, "new");
    await log.ship();
    expect(pieces).toEqual([[11, "new"]]);
  });

  test("is read by a successor from where its bytes belong", async () => {
    const before = open();
    writeFileSync(path, "first words");
    await before.ship();
    writeFileSync(path, "new");
    await before.ship();
    pieces.length = 0;
    await open().ship();
    expect(pieces).toEqual([[12, "new"]]);
  });

  test("is not mistaken for one that grows", async () => {
    const log = open();
    for (let count = 0; count < 100; count += 1) {
      appendFileSync(path, `${count}\n`);
      await log.ship();
    }
    expect(log.close()).toBe(290);
    expect(pieces.map(([, text]) => text).join("")).toBe(readFileSync(path, "utf8"));
  });
});
