import { expect, test } from "vitest";
import { decodeRecords } from "../../../coordinator/journal/entry-records.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { recordedRun } from "../../support/recorded-run.ts";

const codec = new MessageCodec();
const decode = (value: unknown) =>
  decodeRecords({ run: "r1", seq: 7, epoch: 1, payload: codec.encode(value) }, codec);
const records = recordedRun({ endedAt: 1_000 });

test("the records of an entry are what was written", () => {
  expect(decode(records)).toEqual(records);
});

test("an entry with a record that only a newer version knows says which, and to start that version", () => {
  expect(() => decode([...records, { type: "teleported", at: 1 }])).toThrow(
    expect.objectContaining({
      code: "unsupported",
      message: 'run r1 can\'t be read: entry 7 of its journal has a record of type "teleported"',
    }),
  );
});

test.each<[string, unknown]>([
  ["a record lacks what it has to say", [{ type: "submitted", at: 1 }]],
  ["it is no list", { type: "teleported" }],
  ["what is in it are no records", [7, null, { at: 1 }]],
])("an entry is damaged when %s", (_, value) => {
  expect(() => decode(value)).toThrow(expect.objectContaining({ code: "corrupt" }));
});
