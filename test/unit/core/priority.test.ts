import { describe, expect, it } from "vitest";
import {
  isOvertaken,
  onPriorityRequested,
  type PriorityRequest,
} from "../../../coordinator/core/run-decide.ts";
import { RunDriver } from "../../support/run-driver.ts";

/** A run, and requests to it as they come in: whether one is taken. */
function place() {
  const run = new RunDriver({ a: {}, b: {} });
  const ask = (request: PriorityRequest): boolean => {
    if (isOvertaken(run.state, request)) return false;
    run.record(onPriorityRequested(run.state, request, run.now));
    return true;
  };
  return { run, ask };
}

describe("a request for a priority", () => {
  it("that was held up undoes none that was taken since", () => {
    const { run, ask } = place();
    const late = { job: null, priority: 100, after: 0 };
    expect(ask({ job: null, priority: 900, after: 0 })).toBe(true);
    expect(ask(late)).toBe(false);
    expect(run.state.priority).toBe(900);
  });

  it("that was held up undoes none that asked for what was set already", () => {
    const { run, ask } = place();
    expect(ask({ job: null, priority: 500, after: 0 })).toBe(true);
    expect(ask({ job: null, priority: 100, after: 0 })).toBe(false);
    expect(run.state.priority).toBe(500);
  });

  it("that was set back since is not undone either", () => {
    const { run, ask } = place();
    ask({ job: null, priority: 100, after: 0 });
    ask({ job: null, priority: 500, after: 1 });
    expect(ask({ job: null, priority: 100, after: 0 })).toBe(false);
    expect(run.state.priority).toBe(500);
  });

  it("may be repeated with the effect of once", () => {
    const { run, ask } = place();
    expect(ask({ job: 0, priority: 0, after: 0 })).toBe(true);
    const { eventSeq } = run.state;
    expect(ask({ job: 0, priority: 0, after: 0 })).toBe(true);
    expect(run.state.eventSeq).toBe(eventSeq);
    expect(run.state.priorityChanges).toBe(1);
  });

  it("that does not tell what it knows is taken as it comes", () => {
    const { run, ask } = place();
    ask({ job: null, priority: 900, after: 0 });
    expect(ask({ job: null, priority: 100 })).toBe(true);
    expect(run.state.priority).toBe(100);
  });
});
