import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as decide from "../../coordinator/core/run-decide.ts";
import { isAllowedFailure, isFinal, type RunState } from "../../coordinator/core/run-state.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import { failed, RunDriver, succeeded } from "../support/run-driver.ts";

/** A random graph: job i needs some of the jobs before it. */
const graphs = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 4 }),
      when: fc.constantFrom("success" as const, "success" as const, "always" as const, "onFailure" as const),
      allowFailure: fc.boolean(),
      retries: fc.nat({ max: 1 }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((drafts): JobSpecInput[] =>
    drafts.map((draft, index) => ({
      name: `j${index}`,
      run: { script: "true" },
      needs:
        index === 0
          ? []
          : [...new Set(draft.needs.map((need) => need % index))].map((job) => ({ job: `j${job}` })),
      when: draft.when,
      allowFailure: draft.allowFailure,
      retries: { max: draft.retries },
    })),
  );

type Step = {
  readonly pick: number;
  readonly action: "grant" | "succeed" | "fail" | "lose" | "cancelJob" | "cancelRun";
};
const steps = fc.array(
  fc.record({
    pick: fc.nat(),
    action: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Step["action"]>("grant", "succeed", "fail") },
      { weight: 2, arbitrary: fc.constantFrom<Step["action"]>("lose", "cancelJob") },
      { weight: 1, arbitrary: fc.constant<Step["action"]>("cancelRun") },
    ),
  }),
  { maxLength: 120 },
);

describe("any run", () => {
  it("keeps its invariants after every step, and ends when work goes on", () => {
    fc.assert(
      fc.property(graphs, steps, fc.boolean(), (jobs, plan, keepGoing) => {
        const run = new RunDriver(jobs, { keepGoing });
        for (const step of plan) {
          takeStep(run, step);
          checkInvariants(run.state);
        }
        finishAll(run);
        checkInvariants(run.state);
        expect(run.state.endedAt).not.toBeNull();
        expect(run.records.filter((record) => record.type === "ended")).toHaveLength(1);
        expect(run.records.at(-1)?.type).toBe("ended");
        expect(run.state.eventSeq).toBe(run.changes.length);
      }),
      { numRuns: 300 },
    );
  });

  it("accepts at most one success of each job", () => {
    fc.assert(
      fc.property(graphs, steps, (jobs, plan) => {
        const run = new RunDriver(jobs);
        for (const step of plan) takeStep(run, step);
        finishAll(run);
        const successes = run.changes.filter((change) => change.kind === "succeeded");
        expect(new Set(successes.map((change) => change.job)).size).toBe(successes.length);
        const finals = run.changes.filter((change) =>
          ["succeeded", "failed", "blocked", "skipped", "cancelled"].includes(change.kind),
        );
        expect(finals).toHaveLength(jobs.length);
      }),
      { numRuns: 200 },
    );
  });
});

function takeStep(run: RunDriver, step: Step): void {
  run.now += 10;
  const name = run.state.graph.names[step.pick % run.state.jobs.length] ?? "";
  const index = run.index(name);
  const phase = run.phase(name);
  const isLive = phase === "assigned" || phase === "running";
  if (step.action === "grant") run.grant(name);
  else if (step.action === "succeed" && isLive) run.finish(name, succeeded);
  else if (step.action === "fail" && isLive) run.finish(name, failed);
  else if (step.action === "lose") run.record(decide.onAttemptLost(run.state, index, "gone", run.now, 0.5));
  else if (step.action === "cancelJob" || step.action === "cancelRun") {
    const job = step.action === "cancelRun" ? null : index;
    run.record(decide.onCancelRequested(run.state, { job, by: "test", reason: "why not" }, run.now));
  }
}

function finishAll(run: RunDriver): void {
  for (let rounds = 0; run.state.endedAt === null && rounds < 1000; rounds++) {
    for (const name of run.state.graph.names) {
      run.grant(name);
      if (run.phase(name) === "assigned" || run.phase(name) === "running") run.finish(name);
    }
  }
}

function checkInvariants(state: RunState): void {
  const counted = new Map<string, number>();
  state.jobs.forEach((job, index) => {
    counted.set(job.phase, (counted.get(job.phase) ?? 0) + 1);
    const needs = [...targetsOf(state.graph.needs, index)];
    const spec = state.specs[index];
    const hasStarted = job.attempts.length > 0 || job.phase === "ready";
    if (hasStarted && spec?.when === "success") {
      for (const need of needs) {
        const isGood = state.jobs[need]?.phase === "succeeded" || isAllowedFailure(state, need);
        if (!isGood)
          throw new Error(`${spec.name} started although ${state.specs[need]?.name} did not succeed`);
      }
    }
    if (hasStarted) {
      for (const need of needs)
        if (!isFinal(state.jobs[need]?.phase ?? "waiting")) throw new Error("started too early");
    }
    if (job.phase === "waiting" && needs.every((need) => isFinal(state.jobs[need]?.phase ?? "waiting"))) {
      throw new Error(`${spec?.name} waits for nothing`);
    }
    if (job.phase === "blocked" && job.rootCause === null)
      throw new Error(`${spec?.name} is blocked by nobody`);
    const open = job.attempts.filter((attempt) => attempt.endedAt === null);
    const isLive = job.phase === "assigned" || job.phase === "running";
    if (open.length !== (isLive ? 1 : 0)) throw new Error(`${spec?.name} has ${open.length} open attempts`);
  });
  for (const [phase, count] of Object.entries(state.counts)) {
    if ((counted.get(phase) ?? 0) !== count) throw new Error(`count of ${phase} is ${count}`);
  }
}
