import { describe, expect, it } from "vitest";
import { carriedJobs, isRetriable } from "../../../coordinator/core/carry-over.ts";
import { projectEvents } from "../../../coordinator/core/event-projection.ts";
import * as decide from "../../../coordinator/core/run-decide.ts";
import { viewJob } from "../../../coordinator/core/run-view.ts";
import { failed, RunDriver, type Sketch } from "../../support/run-driver.ts";

function retry(run: RunDriver, sketch: Sketch): RunDriver {
  return new RunDriver(sketch, {}, { of: run.state.run, carried: { inline: carriedJobs(run.state) } });
}

const namesOf = (run: RunDriver): string[] =>
  carriedJobs(run.state).map(({ job }) => run.state.graph.names[job] ?? "");

describe("a retry", () => {
  const sketch: Sketch = {
    fetch: {},
    build: { needs: ["fetch"] },
    test: { needs: ["build"] },
    docs: { needs: ["fetch"] },
    publish: { needs: ["test", "docs"] },
  };

  it("runs what failed and what that blocked, and has the rest from the start", () => {
    const first = new RunDriver(sketch);
    for (const name of ["fetch", "build", "docs"]) first.execute(name);
    first.execute("test", failed);
    expect(first.phase("publish")).toBe("blocked");
    const second = retry(first, sketch);
    expect(second.phases()).toEqual({
      fetch: "succeeded",
      build: "succeeded",
      test: "ready",
      docs: "succeeded",
      publish: "waiting",
    });
    second.execute("test");
    second.execute("publish");
    expect(second.state.status).toBe("succeeded");
    expect(second.records.at(-1)).toMatchObject({ type: "ended", summary: { retryOf: "r1" } });
  });

  it("says of each carried job where it ran, also after a chain of retries", () => {
    const first = new RunDriver(sketch);
    first.execute("fetch");
    first.execute("build", failed);
    first.execute("docs");
    const second = retry(first, sketch);
    second.execute("build", failed);
    const third = retry(second, sketch);
    expect(carriedJobs(third.state)).toEqual(carriedJobs(second.state));
    const view = viewJob(third.state, third.index("fetch"));
    expect(view).toMatchObject({ phase: "succeeded", attempts: [], carriedFrom: "r1" });
    const [, event] = projectEvents(third.state, third.changes.slice(0, 3), third.now);
    expect(event).toMatchObject({
      type: "job.succeeded",
      job: "fetch",
      attempt: 1,
      agent: "host",
      carriedFrom: "r1",
    });
  });

  it("of a cancelled run runs what was cancelled", () => {
    const first = new RunDriver(sketch);
    first.execute("fetch");
    first.record(decide.onCancelRequested(first.state, { job: null, by: "", reason: "stop" }, first.now));
    expect(namesOf(first)).toEqual(["fetch"]);
    expect(isRetriable(first.state)).toBe(true);
  });

  it("carries a failure that is allowed, with what was built on it", () => {
    const lenient: Sketch = { lint: { allowFailure: true }, build: { needs: ["lint"] }, test: {} };
    const first = new RunDriver(lenient);
    first.execute("lint", failed);
    first.execute("build");
    first.execute("test", failed);
    const second = retry(first, lenient);
    expect(second.phases()).toEqual({ lint: "failed", build: "succeeded", test: "ready" });
    const [lint, build] = second.state.jobs;
    expect(lint).toMatchObject({ outcome: failed, rootCause: second.index("lint") });
    expect(build).toMatchObject({ outcome: null, rootCause: null });
    second.execute("test");
    expect(second.state.status).toBe("succeeded");
  });

  it("decides conditions anew where a need runs again, and repeats them where none does", () => {
    const conditional: Sketch = {
      a: {},
      alarm: { needs: ["a"], when: "onFailure" },
      clean: { needs: ["a"], when: "always" },
      calm: {},
      calmAlarm: { needs: ["calm"], when: "onFailure" },
    };
    const first = new RunDriver(conditional);
    first.execute("a", failed);
    first.execute("alarm");
    first.execute("clean");
    first.execute("calm");
    expect(first.phase("calmAlarm")).toBe("skipped");
    const second = retry(first, conditional);
    expect(second.phases()).toEqual({
      a: "ready",
      alarm: "waiting",
      clean: "waiting",
      calm: "succeeded",
      calmAlarm: "skipped",
    });
    second.execute("a");
    expect(second.phases()).toMatchObject({ alarm: "skipped", clean: "ready" });
  });

  it("is of no use where nothing failed", () => {
    const run = new RunDriver({ a: { allowFailure: true }, b: { needs: ["a"] } });
    run.execute("a", failed);
    run.execute("b");
    expect(isRetriable(run.state)).toBe(false);
  });
});
