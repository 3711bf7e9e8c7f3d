import { describe, expect, it } from "vitest";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";

const subjects = new Subjects("test");
const append = (batch: string, expectedSeq: number) => ({
  run: "r1",
  epoch: 1,
  batch,
  expectedSeq,
  payload: new Uint8Array(),
});

function world() {
  const stream = new MemoryStream();
  const connect = () => new StreamJournal(new MemoryConnection(stream), subjects);
  return { stream, connect, journal: connect() };
}

describe("a journal that goes on after a power cut", () => {
  it("has lost nothing as long as the last that was stored through it is there", async () => {
    const { stream, connect, journal } = world();
    expect(await journal.hasLost()).toBe(false);
    await journal.append(append("first", 0));
    expect(await journal.hasLost()).toBe(false);
    await connect().append(append("second", 1));
    stream.losePower(1);
    expect(await journal.hasLost()).toBe(false);
  });

  it("has lost the last that was stored through it, which it says once", async () => {
    const { stream, journal } = world();
    await journal.append(append("first", 0));
    await journal.append(append("second", 1));
    stream.losePower(1);
    expect(await journal.hasLost()).toBe(true);
    expect(await journal.hasLost()).toBe(false);
  });

  it("has lost it, too, when earlier ones were followed since", async () => {
    const { stream, journal } = world();
    await journal.append(append("first", 0));
    await journal.append({ ...append("second", 0), run: "r2" });
    const end = new AbortController();
    for await (const { seq } of journal.follow(end.signal)) if (seq === 1) break;
    end.abort();
    stream.losePower(1);
    expect(await journal.hasLost()).toBe(true);
  });

  it("has lost it, too, when another record has taken its place", async () => {
    const { stream, connect, journal } = world();
    await journal.append(append("first", 0));
    await journal.append(append("second", 1));
    stream.losePower(1);
    await connect().append(append("another", 1));
    expect(await journal.hasLost()).toBe(true);
  });

  it("has lost what was only followed through it, as a standby's that has written nothing", async () => {
    const { stream, connect, journal } = world();
    const leader = connect();
    await leader.append(append("first", 0));
    await leader.append(append("second", 1));
    const end = new AbortController();
    for await (const { seq } of journal.follow(end.signal)) if (seq === 2) break;
    end.abort();
    expect(await journal.hasLost()).toBe(false);
    stream.losePower(1);
    expect(await journal.hasLost()).toBe(true);
  });
});
