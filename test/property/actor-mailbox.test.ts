import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Overflow } from "../../shared/actor/contract.ts";
import { Mailbox } from "../../shared/actor/mailbox.ts";
import { Notice } from "../../shared/actor/notice.ts";

class TestNotice extends Notice {
  readonly number: number;
  constructor(number: number) {
    super();
    this.number = number;
  }
  override redeem(): number {
    return this.number;
  }
  override release(): void {
    this.isLive = false;
  }
}

/** The mailbox as a plain list. */
class Model {
  entries: { number: number; isNotice: boolean }[] = [];

  offer(number: number, capacity: number, overflow: Overflow): object {
    const ordinary = this.entries.filter(({ isNotice }) => !isNotice);
    if (ordinary.length < capacity) {
      this.entries.push({ number, isNotice: false });
      return { kind: "accepted" };
    }
    if (overflow === "fail") return { kind: "overflowed" };
    if (overflow === "dropNewest") return { kind: "refused" };
    const victim = ordinary[0]!;
    this.entries.splice(this.entries.indexOf(victim), 1);
    this.entries.push({ number, isNotice: false });
    return { kind: "evicted", victim: victim.number };
  }
}

describe("the mailbox", () => {
  it("does what a plain list would do, for any sequence of steps", () => {
    const step = fc.constantFrom("offer", "offer", "offer", "post", "take", "take");
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 400 }),
        fc.integer({ min: 1, max: 80 }),
        fc.constantFrom<Overflow>("dropNewest", "dropOldest", "fail"),
        (steps, capacity, overflow) => {
          const mailbox = new Mailbox();
          const model = new Model();
          for (const [number, kind] of steps.entries()) {
            if (kind === "offer") {
              expect(mailbox.offer(number, { capacity, overflow })).toEqual(
                model.offer(number, capacity, overflow),
              );
            } else if (kind === "post") {
              mailbox.post(new TestNotice(number));
              model.entries.push({ number, isNotice: true });
            } else if (model.entries.length > 0) {
              const taken = mailbox.take();
              expect(taken instanceof TestNotice ? taken.number : taken).toBe(model.entries.shift()?.number);
            }
            expect(mailbox.length).toBe(model.entries.length);
          }
        },
      ),
    );
  });
});
