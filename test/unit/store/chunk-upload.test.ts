import { describe, expect, it } from "vitest";
import type { AckInbox, Acknowledgement } from "../../../shared/store/ack-inbox.ts";
import { ChunkUpload, WINDOW_BYTES } from "../../../shared/store/chunk-upload.ts";
import type { ChunkBuffers } from "../../../shared/store/chunks.ts";

const stored: Acknowledgement = { kind: "stored", seq: 1 };
const refused: Acknowledgement = { kind: "refused", code: 10047, reason: "it is full" };
const lost: Acknowledgement = { kind: "lost", reason: "disconnected" };
const quarter = new Uint8Array(WINDOW_BYTES / 4);

/** An upload, whose chunks are acknowledged when they are told to be, in any order. */
function place() {
  const settles: ((acknowledgement: Acknowledgement) => void)[] = [];
  const given: Uint8Array[] = [];
  const acks: Partial<AckInbox> = {
    publish: (_subject, _payload, _headers, settle) => void settles.push(settle),
  };
  const buffers: Partial<ChunkBuffers> = { give: (buffer) => void given.push(buffer) };
  const upload = new ChunkUpload(acks as AckInbox, "chunks", buffers as ChunkBuffers);
  /** Whether a promise has come to its end once all that can happen has. */
  const isOver = async (promise: Promise<void>): Promise<boolean> => {
    let over = false;
    void promise.then(() => {
      over = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    return over;
  };
  const send = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) await upload.send(quarter);
  };
  return { upload, settles, given, isOver, send };
}

describe("the upload of an object's chunks", () => {
  it("has a window of bytes on their way, and goes on when one of them is stored", async () => {
    const { upload, settles, given, isOver, send } = place();
    await send(3);
    const last = upload.send(quarter);
    expect(await isOver(last)).toBe(false);
    settles[1]?.(stored);
    expect(await isOver(last)).toBe(true);
    expect(given.map((buffer) => buffer === quarter)).toEqual([true]);
    expect(upload.failure).toBeUndefined();
  });

  it("is stored when each of its chunks is", async () => {
    const { upload, settles, isOver, send } = place();
    expect(await isOver(upload.stored())).toBe(true);
    await send(2);
    const whole = upload.stored();
    settles[1]?.(stored);
    expect(await isOver(whole)).toBe(false);
    settles[0]?.(stored);
    expect(await isOver(whole)).toBe(true);
    // It may go on all the same.
    await send(3);
    const last = upload.send(quarter);
    settles[2]?.(stored);
    expect(await isOver(last)).toBe(true);
  });

  it("waits for nothing more once one of them is not stored, and tells of the first one", async () => {
    const { upload, settles, given, isOver, send } = place();
    await send(2);
    const whole = upload.stored();
    expect(await isOver(whole)).toBe(false);
    settles[0]?.(lost);
    expect(await isOver(whole)).toBe(true);
    expect(await isOver(upload.stored())).toBe(true);
    settles[1]?.(refused);
    expect(upload.failure).toEqual(lost);
    // The client may still read what it has lost.
    expect(given).toEqual([]);
  });

  it("has settled when nothing is on its way any more, whatever became of it", async () => {
    const { upload, settles, isOver, send } = place();
    expect(await isOver(upload.settled())).toBe(true);
    await send(2);
    const settled = upload.settled();
    settles[0]?.(lost);
    expect(await isOver(settled)).toBe(false);
    settles[1]?.(stored);
    expect(await isOver(settled)).toBe(true);
  });

  it("is not waited for by who gives it up", async () => {
    const { upload, isOver, send } = place();
    await send(1);
    const end = new AbortController();
    const settled = upload.settled(end.signal);
    expect(await isOver(settled)).toBe(false);
    end.abort();
    expect(await isOver(settled)).toBe(true);
    expect(await isOver(upload.settled(end.signal))).toBe(true);
  });
});
