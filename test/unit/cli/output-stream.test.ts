import { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { OutputStream } from "../../../coordinator/cli/output-stream.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** A stream that remembers its writes and finishes each only when told to. */
class SlowStream extends Writable {
  readonly writes: string[] = [];
  finish: () => void = () => {};

  constructor() {
    super({ highWaterMark: 10, decodeStrings: false });
  }

  override _write(chunk: string | Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.writes.push(chunk.toString());
    this.finish = done;
  }
}

describe("an output stream", () => {
  it("gathers what comes at once, in order with bytes", async () => {
    const stream = new SlowStream();
    const output = new OutputStream(stream, () => {});
    void output.write("a");
    void output.write("b");
    expect(stream.writes).toEqual([]);
    await waitUntil("something is written", () => stream.writes.length > 0);
    expect(stream.writes).toEqual(["ab"]);
    stream.finish();
    void output.write("c");
    void output.write(Buffer.from("d"));
    stream.finish();
    expect(stream.writes).toEqual(["ab", "c", "d"]);
  });

  it("makes a writer wait while there is no room", async () => {
    const stream = new SlowStream();
    const output = new OutputStream(stream, () => {});
    let hasRoom = false;
    const written = output.write(Buffer.alloc(100)).then(() => {
      hasRoom = true;
    });
    await setImmediate();
    expect(hasRoom).toBe(false);
    stream.finish();
    await written;
    expect(hasRoom).toBe(true);
  });

  it.each(["EPIPE", "ENOSPC"])(
    "lets nobody wait once it has failed with %s, and says so once",
    async (code) => {
      const stream = new SlowStream();
      const told: (string | undefined)[] = [];
      const output = new OutputStream(stream, (error) => told.push(error.code));
      const written = output.write(Buffer.alloc(100));
      stream.emit("error", Object.assign(new Error("gone"), { code }));
      stream.emit("error", Object.assign(new Error("gone"), { code }));
      await written;
      await output.write("more");
      output.flush();
      expect(told).toEqual([code]);
      expect(stream.writes).toHaveLength(1);
    },
  );
});
