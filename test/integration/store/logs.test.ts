import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogPiece } from "../../../shared/store/log-order.ts";
import { readLog } from "../../../shared/store/log-reader.ts";
import { logHeaders } from "../../../shared/store/log-record.ts";
import { tailLog } from "../../../shared/store/log-tail.ts";
import { LogShipper } from "../../../shared/store/log-writer.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type StoreServer, serverOfTest, startStoreServer } from "./store-server.ts";

let store: StoreServer;
let shipper: LogShipper;

beforeAll(async () => {
  store = await startStoreServer();
  shipper = new LogShipper(store.bus);
});
afterAll(async () => {
  shipper.close();
  await store.close();
});

function source(job: string) {
  return { run: "run-1", job, attempt: 1, agent: "agent.1" };
}

async function textOf(pieces: AsyncIterable<LogPiece>): Promise<string> {
  let text = "";
  for await (const piece of pieces) {
    text += piece.kind === "lost" ? `[${piece.bytes} lost]` : Buffer.from(piece.bytes).toString();
  }
  return text;
}

/** Stores a chunk as a writer would have. */
async function storeChunk(job: string, offset: number, text: string, acknowledged = 0, agent = "agent.1") {
  await store.bus.jetstream.publish(store.bus.subjects.log("run-1", job, 1, agent), Buffer.from(text), {
    headers: logHeaders({ offset, acknowledged }),
  });
}

describe("a log", () => {
  it("is read back as it was written, from any offset", async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 5);
    const writer = shipper.open(source("whole"));
    const buffer = Buffer.alloc(100_000);
    for (let from = 0; from < bytes.length; from += buffer.length) {
      const length = bytes.copy(buffer, 0, from);
      await writer.write(buffer.subarray(0, length));
      // Whoever has written uses his buffer again.
      buffer.fill(0);
    }
    expect(await writer.flushed(5_000)).toBe(true);
    expect(writer.acknowledgedOffset).toBe(bytes.length);
    for (const fromOffset of [0, 1, 150_000, bytes.length - 1, bytes.length]) {
      const pieces: Uint8Array[] = [];
      for await (const piece of readLog(store.bus, { ...source("whole"), fromOffset })) {
        if (piece.kind === "bytes") pieces.push(piece.bytes);
      }
      expect(Buffer.concat(pieces).equals(bytes.subarray(fromOffset))).toBe(true);
    }
  });

  it("without bytes stores nothing", async () => {
    const before = (await store.bus.manager.streams.info(store.bus.subjects.logStream())).state.last_seq;
    const writer = shipper.open(source("silent"));
    await writer.write(Buffer.alloc(0));
    expect(await writer.flushed(100)).toBe(true);
    const after = (await store.bus.manager.streams.info(store.bus.subjects.logStream())).state.last_seq;
    expect(after).toBe(before);
    expect(await textOf(readLog(store.bus, source("silent")))).toBe("");
  });

  it("is followed from before its start to its end", async () => {
    let end = (_bytes: number) => {};
    const totalBytes = new Promise<number>((resolve) => {
      end = resolve;
    });
    const reading = textOf(readLog(store.bus, { ...source("followed"), follow: true, totalBytes }));
    const writer = shipper.open(source("followed"));
    await writer.write(Buffer.from("one\n"));
    await writer.flushed(5_000);
    await writer.write(Buffer.from("two\n"));
    end(writer.offset);
    expect(await reading).toBe("one\ntwo\n");
  });

  it("ends for a follower who learns the end of an attempt whose length nobody knows", async () => {
    await storeChunk("cut off", 0, "last words");
    const totalBytes = Promise.resolve(undefined);
    expect(await textOf(readLog(store.bus, { ...source("cut off"), follow: true, totalBytes }))).toBe(
      "last words",
    );
  });

  it("says at the end what never arrived", async () => {
    await storeChunk("torn", 0, "begin");
    const query = { ...source("torn"), follow: true, totalBytes: 9 };
    expect(await textOf(readLog(store.bus, query))).toBe("begin[4 lost]");
  });

  it("says what the stream no longer holds", async () => {
    await storeChunk("aged", 100, "rest", 100);
    expect(await textOf(readLog(store.bus, source("aged")))).toBe("[100 lost]rest");
  });

  it("ignores what another agent sends for the same attempt", async () => {
    await storeChunk("two agents", 0, "mine");
    await storeChunk("two agents", 4, "theirs", 4, "intruder");
    expect(await textOf(readLog(store.bus, source("two agents")))).toBe("mine");
  });

  it("is left quietly when the signal comes", async () => {
    const stop = new AbortController();
    const reading = textOf(readLog(store.bus, { ...source("never"), follow: true, signal: stop.signal }));
    stop.abort();
    expect(await reading).toBe("");
  });

  it("is refused when a message in its place is something else", async () => {
    await store.bus.jetstream.publish(store.bus.subjects.log("run-1", "foreign", 1, "x"), Buffer.from("?"));
    await expect(textOf(readLog(store.bus, source("foreign")))).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("the tail of a log", () => {
  it("is its last lines, among other logs of the same stream", async () => {
    const writer = shipper.open(source("long"));
    const other = shipper.open(source("other"));
    for (let line = 0; line < 600; line += 1) {
      await writer.write(Buffer.from(`line ${line}\n`));
      await other.write(Buffer.from("noise\n"));
    }
    await writer.flushed(5_000);
    expect(await tailLog(store.bus, { ...source("long"), lines: 3 })).toEqual([
      "line 597",
      "line 598",
      "line 599",
    ]);
    const all = await tailLog(store.bus, { ...source("long"), lines: 1000 });
    expect(all).toEqual(Array.from({ length: 600 }, (_, line) => `line ${line}`));
  });

  it("is empty without a log", async () => {
    expect(await tailLog(store.bus, { ...source("no log"), lines: 3 })).toEqual([]);
  });
});

describe("logs across a restart of the server", () => {
  it("are complete and unrepeated for writer and follower", async () => {
    const shaky = await serverOfTest();
    const reader = await shaky.connect();
    const ships = new LogShipper(shaky.bus);
    const writer = ships.open(source("shaky"));
    let end = (_bytes: number) => {};
    const totalBytes = new Promise<number>((resolve) => {
      end = resolve;
    });
    let seen = "";
    const reading = (async () => {
      for await (const piece of readLog(reader, { ...source("shaky"), follow: true, totalBytes })) {
        seen += piece.kind === "lost" ? "[lost]" : Buffer.from(piece.bytes).toString();
      }
    })();
    const lines = Array.from({ length: 3000 }, (_, line) => `line ${line}\n`);
    for (const [index, line] of lines.entries()) {
      await writer.write(Buffer.from(line));
      if (index === 1000) {
        await waitUntil("the follower sees something", () => seen !== "");
        await shaky.server.kill();
      }
      if (index === 2000) await shaky.server.restart();
    }
    expect(await writer.flushed(20_000)).toBe(true);
    end(writer.offset);
    await reading;
    expect(seen).toBe(lines.join(""));
    ships.close();
  });
});
