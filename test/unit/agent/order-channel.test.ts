import { expect, test } from "vitest";
import { onOrdersReceived, openOrderChannel } from "../../../agent/core/order-channel.ts";

const me = "incarnation-1";

test("handles batches once and in order", () => {
  const channel = openOrderChannel(me);
  const receive = (number: number) => onOrdersReceived(channel, { epoch: 1, incarnation: me, number });
  expect(receive(1)).toEqual({ kind: "handle", newEpoch: true });
  expect(receive(1)).toEqual({ kind: "refused", reason: "duplicate" });
  expect(receive(1)).toEqual({ kind: "refused", reason: "duplicate" });
  expect(receive(3)).toEqual({ kind: "refused", reason: "gap" });
  expect(receive(2)).toEqual({ kind: "handle", newEpoch: false });
  expect(receive(3)).toEqual({ kind: "handle", newEpoch: false });
  expect(channel).toMatchObject({ epoch: 1, seen: 3 });
  expect([...channel.refused]).toEqual([
    ["duplicate", 2],
    ["gap", 1],
  ]);
});

test("refuses a deposed coordinator for ever", () => {
  const channel = openOrderChannel(me);
  onOrdersReceived(channel, { epoch: 2, incarnation: me, number: 1 });
  expect(onOrdersReceived(channel, { epoch: 1, incarnation: me, number: 2 })).toMatchObject({
    reason: "oldEpoch",
  });
  expect(onOrdersReceived(channel, { epoch: 1, incarnation: me, number: 0 })).toMatchObject({
    reason: "oldEpoch",
  });
  expect(channel).toMatchObject({ epoch: 2, seen: 1 });
});

test("starts counting anew with a higher epoch", () => {
  const channel = openOrderChannel(me);
  onOrdersReceived(channel, { epoch: 1, incarnation: me, number: 1 });
  channel.confirmed = 1;
  expect(onOrdersReceived(channel, { epoch: 2, incarnation: me, number: 1 })).toEqual({
    kind: "handle",
    newEpoch: true,
  });
  expect(channel).toMatchObject({ seen: 1, confirmed: 0 });
});

test("says hello whenever it is asked, and refuses orders for an earlier incarnation", () => {
  const channel = openOrderChannel(me);
  for (const incarnation of ["", "incarnation-0", me]) {
    expect(onOrdersReceived(channel, { epoch: 1, incarnation, number: 0 })).toMatchObject({ kind: "hello" });
  }
  expect(onOrdersReceived(channel, { epoch: 1, incarnation: "incarnation-0", number: 1 })).toMatchObject({
    reason: "otherIncarnation",
  });
});

test("goes on counting after it has said hello again", () => {
  const channel = openOrderChannel(me);
  onOrdersReceived(channel, { epoch: 1, incarnation: me, number: 1 });
  onOrdersReceived(channel, { epoch: 1, incarnation: "", number: 0 });
  expect(onOrdersReceived(channel, { epoch: 1, incarnation: me, number: 1 })).toMatchObject({
    reason: "duplicate",
  });
  expect(onOrdersReceived(channel, { epoch: 1, incarnation: me, number: 2 })).toMatchObject({
    kind: "handle",
  });
});
