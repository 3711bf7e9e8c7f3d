import { describe, expect, it } from "vitest";
import { FreshReading } from "../../../coordinator/journal/fresh-reading.ts";

/** Readings that end when they are told to; each gives its number. */
function readings() {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const reading = new FreshReading(
    () =>
      new Promise<number>((resolve, reject) => {
        const number = ends.length + 1;
        ends.push({ resolve: () => resolve(number), reject });
      }),
  );
  return { reading, ends };
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a fresh reading", () => {
  it("begins after each question, and is shared by those who asked while another was under way", async () => {
    const { reading, ends } = readings();
    const first = reading.take();
    const others = [reading.take(), reading.take(), reading.take()];
    expect(ends).toHaveLength(1);
    ends[0]?.resolve();
    expect(await first).toBe(1);
    await settle();
    expect(ends).toHaveLength(2);
    const later = reading.take();
    ends[1]?.resolve();
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    await settle();
    ends[2]?.resolve();
    expect(await later).toBe(3);
  });

  it("fails for those who waited for it, and is tried again for the next", async () => {
    const { reading, ends } = readings();
    const first = reading.take();
    const second = reading.take();
    ends[0]?.reject(new Error("away"));
    await expect(first).rejects.toThrow("away");
    await settle();
    ends[1]?.resolve();
    expect(await second).toBe(2);
  });
});
