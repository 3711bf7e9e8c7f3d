import { expect, test } from "vitest";
import { AgentVoice } from "../../../agent/actors/agent-voice.ts";
import { openOrderChannel } from "../../../agent/core/order-channel.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { type ReportItem, reportSchema } from "../../../shared/model/messages.ts";

const codec = new MessageCodec();

/** What an agent says that reports these items: the lengths of its messages, and the items in them. */
function said(items: readonly ReportItem[]): { bytes: number[]; items: ReportItem[] } {
  const payloads: Uint8Array[] = [];
  const voice = new AgentVoice(
    {
      identity: {
        name: "a",
        capacity: { slots: 1, cpu: 1, memoryBytes: 1 },
        labels: [],
        pool: "",
        host: { hostname: "h", platform: "linux", arch: "x64", pid: 1 },
        abilities: [],
        versions: { millrace: "0", node: "20", engine: null },
      },
      subjects: new Subjects("test"),
      codec,
      readLoad: () => ({ load1: 0, freeMemoryBytes: 0 }),
    },
    openOrderChannel("i"),
    (_, payload) => void payloads.push(payload),
  );
  voice.report(items);
  return {
    bytes: payloads.map(({ length }) => length),
    items: payloads.flatMap((payload) => reportSchema.parse(codec.decode(payload)).items),
  };
}

function returned(job: number, reason: string): ReportItem {
  return { kind: "returned", run: "r", job, attempt: 1, lease: `l${job}`, reason };
}

test("divides what is too much for one message, and leaves nothing out", () => {
  const items = Array.from({ length: 5_000 }, (_, job) => returned(job, "x".repeat(500)));
  const { bytes, items: arrived } = said(items);
  expect(Math.max(...bytes)).toBeLessThan(1024 * 1024);
  expect(arrived).toEqual(items);
});

test("says what fits in one message", () => {
  expect(said([returned(1, "y"), returned(2, "z")]).bytes).toHaveLength(1);
  expect(said([]).bytes).toEqual([]);
});
