import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventOrder } from "../../../shared/client/event-order.ts";

describe("the order of events", () => {
  it("begins a run with whatever event is met first", () => {
    const order = new EventOrder();
    expect(order.isNews("a", 7, "job.ready")).toBe(true);
    expect(order.isNews("b", 1, "run.submitted")).toBe(true);
    expect(order.isNews("a", 8, "job.ready")).toBe(true);
  });

  it("refuses to pass over a missing event", () => {
    const order = new EventOrder();
    order.isNews("a", 1, "run.submitted");
    expect(() => order.isNews("a", 3, "job.ready")).toThrow("events 2 to 2 of run a are missing");
  });

  it("remembers finished runs only for a while", () => {
    const order = new EventOrder();
    const finish = (run: string): boolean => order.isNews(run, 1, "run.finished");
    finish("first");
    expect(finish("first")).toBe(false);
    for (let index = 0; index < 1_000; index++) finish(`run-${index}`);
    expect(finish("first")).toBe(true);
  });

  it("gives each event of a run once, in order, however often parts are repeated", () => {
    const jumpsBack = fc.array(fc.nat({ max: 20 }), { maxLength: 30 });
    fc.assert(
      fc.property(jumpsBack, (jumps) => {
        const order = new EventOrder();
        const news: number[] = [];
        let seq = 1;
        for (const jump of jumps) {
          for (const end = seq + 5; seq < end; seq++) {
            if (order.isNews("a", seq, "job.ready")) news.push(seq);
          }
          seq = Math.max(1, seq - jump);
        }
        expect(news).toEqual(news.map((_, index) => index + 1));
      }),
    );
  });
});
