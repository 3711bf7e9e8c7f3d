import { describe, expect, it } from "vitest";
import { Interrupted, Interruption } from "../../../coordinator/cli/interruption.ts";

function watched(): { interruption: Interruption; ends: unknown[] } {
  const ends: unknown[] = [];
  return { interruption: new Interruption((reason) => ends.push(reason)), ends };
}

describe("an interruption", () => {
  it("ends a command that has nothing to put in order at once", () => {
    const { interruption, ends } = watched();
    interruption.interrupt(new Interrupted("SIGINT"));
    expect(ends).toHaveLength(1);
  });

  it("only tells a command that takes it, the first time", () => {
    const { interruption, ends } = watched();
    interruption.take();
    interruption.interrupt(new Interrupted("SIGTERM"));
    expect(ends).toHaveLength(0);
    expect(interruption.signal.reason).toBeInstanceOf(Interrupted);
    interruption.interrupt(new Interrupted("SIGINT"));
    expect(ends).toHaveLength(1);
  });
});
