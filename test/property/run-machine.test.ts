import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { carriedJobs, isRetriable } from "../../coordinator/core/carry-over.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import { isAllowedFailure, jobAt, newRunState, type RunState } from "../../coordinator/core/run-state.ts";
import { transitiveNeeds } from "../../shared/model/graph.ts";
import { failed, RunDriver } from "../support/run-driver.ts";
import { conditions, graphsOf } from "./random-graph.ts";
import { checkNeeds } from "./run-checks.ts";
import { cancelled, lost, outcomes, RunPlayer, steps } from "./run-player.ts";

const graphs = graphsOf(
  fc.record({
    when: conditions,
    allowFailure: fc.boolean(),
    retries: fc.record({
      max: fc.nat({ max: 2 }),
      on: fc.subarray(["failure", "timeout", "outOfMemory"]),
      backoffMs: fc.constantFrom(0, 40),
    }),
    rerunAfterLoss: fc.boolean(),
    priority: fc.constantFrom(0, 500, 500, 500),
    timeouts: fc.constantFrom({}, {}, { queueMs: 50 }),
  }),
  12,
);

const options = fc.record({
  keepGoing: fc.constantFrom(true, true, false),
  failUnschedulable: fc.boolean(),
});

describe("any run", () => {
  it("is after every step as what was done to its jobs makes it, decides nothing in vain, and ends when work goes on", () => {
    fc.assert(
      fc.property(graphs, steps, options, (jobs, plan, runOptions) => {
        const player = new RunPlayer(jobs, runOptions);
        for (const step of plan) player.take(step);
        player.finishAll();
        const { state, records, changes } = player.run;
        expect(state.endedAt).not.toBeNull();
        expect(records.filter((record) => record.type === "ended")).toHaveLength(1);
        expect(records.at(-1)?.type).toBe("ended");
        expect(state.eventSeq).toBe(changes.length);
        const finals = changes.filter((change) =>
          ["succeeded", "failed", "blocked", "skipped", "cancelled"].includes(change.kind),
        );
        expect(finals).toHaveLength(jobs.length);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it("tries a job as often as its policy allows, whatever becomes of its attempts", () => {
    const plans = fc
      .constantFrom([lost, cancelled], [lost, failed], outcomes)
      .chain((kinds) => fc.array(fc.constantFrom(...kinds), { minLength: 5, maxLength: 12 }));
    fc.assert(
      fc.property(graphs, plans, (jobs, plan) => {
        const [job] = jobs;
        if (job === undefined) return;
        const player = new RunPlayer([{ ...job, when: "success" }], {});
        for (const outcome of plan) {
          for (const action of ["release", "grant", "finish"] as const) {
            player.take({ action, pick: 0, agent: "h1", outcome });
          }
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("comes out the same when its records are folded again", () => {
    fc.assert(
      fc.property(graphs, steps, options, (jobs, plan, runOptions) => {
        const player = new RunPlayer(jobs, runOptions);
        for (const step of plan) player.take(step);
        const { state, records } = player.run;
        const { graph, specs, vars, submittedAt } = state;
        const again = newRunState("r1", { vars: [...vars], jobs: [...specs] }, graph, {
          name: null,
          options: state.options,
          at: submittedAt,
        });
        for (const record of structuredClone(records)) fold(again, record);
        expect(again).toEqual(state);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("can be retried once it has ended badly: the retry has what ended well, and runs the rest", () => {
    fc.assert(
      fc.property(graphs, steps, (jobs, plan) => {
        const player = new RunPlayer(jobs, { keepGoing: true });
        for (const step of plan) player.take(step);
        player.finishAll();
        const { state } = player.run;
        if (!isRetriable(state)) {
          expect(["succeeded", "cancelled"]).toContain(state.status);
          return;
        }
        const carried = carriedJobs(state);
        const indexes = new Set(carried.map(({ job }) => job));
        const isAsBefore = (job: number) =>
          ["succeeded", "skipped"].includes(jobAt(state, job).phase) || isAllowedFailure(state, job);
        const expected = [...state.jobs.keys()].filter(
          (job) =>
            jobAt(state, job).phase !== "skipped" &&
            transitiveNeeds(state.graph, [job]).every((need) => isAsBefore(need)),
        );
        expect([...indexes].sort((a, b) => a - b)).toEqual(expected);
        const retry = new RunDriver(jobs, {}, { of: "r1", carried: { inline: carried } });
        retry.state.jobs.forEach(({ phase, artifact }, job) => {
          if (indexes.has(job)) expect({ phase, artifact }).toEqual(pick(jobAt(state, job)));
        });
        const run = new RunPlayer(jobs, {}, retry);
        run.finishAll();
        expect(retry.state.endedAt).not.toBeNull();
        for (const job of indexes) expect(jobAt(retry.state, job).attempts).toEqual([]);
        checkNeeds(retry.state);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

const pick = ({ phase, artifact }: RunState["jobs"][number]) => ({ phase, artifact });
