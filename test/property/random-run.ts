import fc from "fast-check";
import { attemptRef } from "../../coordinator/core/job-request.ts";
import * as decide from "../../coordinator/core/run-decide.ts";
import { jobAt, liveAttempt } from "../../coordinator/core/run-state.ts";
import { failed, type RunDriver, succeeded } from "../support/run-driver.ts";
import { conditions, graphsOf } from "./random-graph.ts";

export const graphs = graphsOf(
  fc.record({
    when: conditions,
    allowFailure: fc.boolean(),
    retries: fc.record({ max: fc.nat({ max: 1 }) }),
  }),
  25,
);

type Step = {
  readonly pick: number;
  readonly action:
    | "grant"
    | "start"
    | "succeed"
    | "fail"
    | "giveBack"
    | "lose"
    | "cancelJob"
    | "prioritiseJob"
    | "cancelRun"
    | "prioritiseRun"
    | "takeOver";
};
/** What happens to a run, one thing after the other. */
export const steps = fc.array(
  fc.record({
    pick: fc.nat(),
    action: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Step["action"]>("grant", "succeed", "fail") },
      {
        weight: 2,
        arbitrary: fc.constantFrom<Step["action"]>("start", "giveBack", "lose", "cancelJob", "prioritiseJob"),
      },
      { weight: 1, arbitrary: fc.constantFrom<Step["action"]>("cancelRun", "prioritiseRun", "takeOver") },
    ),
  }),
  { maxLength: 120 },
);

/** Steps that don't fit the run change nothing. */
export function takeStep(run: RunDriver, { action, pick }: Step): void {
  run.now += 10;
  const { state, now } = run;
  const name = state.graph.names[pick % state.jobs.length] ?? "";
  const index = run.index(name);
  const job = action.endsWith("Run") ? null : index;
  const attempt = liveAttempt(jobAt(state, index));
  switch (action) {
    case "grant":
      run.grant(name);
      return;
    case "start":
      if (attempt === undefined) return;
      run.record(
        decide.onReported(
          state,
          attempt.agent,
          { kind: "started", ...attemptRef(state, index, attempt) },
          now,
          0.5,
        ).records,
      );
      return;
    case "succeed":
    case "fail":
      if (attempt !== undefined) run.finish(name, action === "fail" ? failed : succeeded);
      return;
    case "giveBack":
      if (attempt !== undefined) run.giveBack(name);
      return;
    case "lose":
      return run.record(decide.onAttemptLost(state, index, "gone", now, 0.5));
    case "cancelJob":
    case "cancelRun":
      return run.record(decide.onCancelRequested(state, { job, by: "test", reason: "why not" }, now));
    case "prioritiseJob":
    case "prioritiseRun":
      return run.record(decide.onPriorityRequested(state, { job, priority: 1 + (pick % 1_000) }, now));
    case "takeOver":
      return run.record(decide.onTakenOver(state, now + (pick % 100)));
  }
}
