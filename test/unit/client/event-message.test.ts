import { describe, expect, it } from "vitest";
import { readEvents } from "../../../shared/client/event-message.ts";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const ready = { v: 1, seq: 4, run: "r", at: "2026-01-01T00:00:00Z", type: "job.ready", job: "build" };

describe("a message of the event stream", () => {
  it("keeps the fields that this version does not know", () => {
    const [read] = readEvents(encode([{ ...ready, addedLater: [1] }]));
    expect(read).toMatchObject({ seq: 4, run: "r", event: { addedLater: [1], job: "build" } });
  });

  it("counts an event of an unknown type without giving it", () => {
    const [read] = readEvents(encode([{ ...ready, type: "job.teleported" }]));
    expect(read).toEqual({ seq: 4, type: "job.teleported", run: "r", event: undefined });
  });

  it("refuses what is no list of numbered events", () => {
    expect(() => readEvents(encode({}))).toThrow();
    expect(() => readEvents(encode([{ type: "job.ready" }]))).toThrow();
    expect(() => readEvents(new TextEncoder().encode("["))).toThrow();
  });
});
