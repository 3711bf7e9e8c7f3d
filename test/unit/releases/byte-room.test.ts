import { expect, test } from "vitest";
import { ByteRoom } from "../../../coordinator/releases/byte-room.ts";

/** Work that goes on until it is told to end. */
function openWork(room: ByteRoom, bytes: number): { isIn: boolean; readonly end: () => void } {
  const work = { isIn: false, end: (): void => {} };
  const ended = new Promise<void>((resolve) => {
    work.end = resolve;
  });
  void room.within(bytes, async () => {
    work.isIn = true;
    await ended;
  });
  return work;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("work has its room at once while there is some, and in the order of its coming when there is again", async () => {
  const room = new ByteRoom(10);
  const works = [6, 4, 20, 1].map((bytes) => openWork(room, bytes));
  const inside = (): number[] => works.flatMap(({ isIn }, index) => (isIn ? [index] : []));
  await settled();
  expect(inside()).toEqual([0, 1]);
  works[0]!.end();
  await settled();
  // The third is larger than all the room, and the fourth does not pass it by.
  expect(inside()).toEqual([0, 1]);
  works[1]!.end();
  await settled();
  expect(inside()).toEqual([0, 1, 2]);
  works[2]!.end();
  await settled();
  expect(inside()).toEqual([0, 1, 2, 3]);
});

test("work that fails gives its room back", async () => {
  const room = new ByteRoom(1);
  await expect(room.within(1, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await room.within(1, async () => "next")).toBe("next");
});
