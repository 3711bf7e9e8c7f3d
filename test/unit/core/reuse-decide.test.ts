import { expect, test } from "vitest";
import { onLooked, type ReuseAnswer } from "../../../coordinator/core/reuse-decide.ts";
import * as decide from "../../../coordinator/core/run-decide.ts";
import { failed, RunDriver, resultOf, succeeded } from "../../support/run-driver.ts";

const keys = { key: "a".repeat(64), deepKey: "b".repeat(64) };
const from = { run: "earlier", job: "a", attempt: 1, agent: "one" };
const hit: ReuseAnswer = { kind: "hit", keys, isCutoff: false, from, artifact: null };

function reusable(): RunDriver {
  return new RunDriver([{ name: "a", run: { script: "true" }, reuse: true }]);
}

test("takes an earlier result for a ready job", () => {
  const run = reusable();
  expect(onLooked(run.state, 0, hit, run.now)).toMatchObject([{ type: "reused", job: 0, from }]);
});

test("takes none for a job that was held meanwhile", () => {
  const run = reusable();
  run.record([{ type: "prioritised", at: run.now, job: 0, priority: 0 }]);
  expect(onLooked(run.state, 0, hit, run.now)).toEqual([]);
});

test("takes none for a job that is to run by now", () => {
  const run = reusable();
  run.record([{ type: "notReused", at: run.now, job: 0, keys, reason: "no equal job" }]);
  expect(onLooked(run.state, 0, hit, run.now)).toEqual([]);
});

/** It was looked for in vain, and may run. */
function missed(): RunDriver {
  const run = reusable();
  run.record([{ type: "notReused", at: run.now, job: 0, keys, reason: "no equal job" }]);
  return run;
}

const prioritise = (run: RunDriver, priority: number) =>
  run.record(decide.onPriorityRequested(run.state, { job: 0, priority }, run.now));

test("a slot is not taken by a job that was held since it asked for it, before it is looked for again", () => {
  const run = missed();
  prioritise(run, 0);
  prioritise(run, 500);
  expect(run.grant("a")).toBe(false);
  run.record([{ type: "notReused", at: run.now, job: 0, keys, reason: "no equal job" }]);
  expect(run.grant("a")).toBe(true);
});

test("a job keeps what was found for it when its priority changes and it is not held", () => {
  const run = missed();
  prioritise(run, 900);
  expect(run.state.jobs[0]?.reuse?.kind).toBe("missed");
});

test("a job is looked for again when its attempt was ended to hold it, not when it was given back", () => {
  const run = missed();
  run.grant("a");
  run.giveBack("a");
  expect(run.state.jobs[0]?.reuse?.kind).toBe("missed");
  run.grant("a");
  run.finish("a", { kind: "cancelled" });
  expect(run.state.jobs[0]).toMatchObject({ phase: "ready", reuse: null });
});

test("a success is remembered by where it ran, a failure not at all", () => {
  for (const outcome of [succeeded, failed]) {
    const run = missed();
    run.grant("a");
    const { attempt = 0, lease = "" } = run.state.jobs[0]?.attempts[0] ?? {};
    const ended = { result: resultOf(outcome), ranOn: { host: "linux" } };
    const item = { kind: "finished", run: "r1", job: 0, attempt, lease, ...ended } as const;
    const { records } = decide.onReported(run.state, "host", item, run.now, 0);
    expect(records).toMatchObject([{ type: "finished" }]);
    expect(records[0] !== undefined && "keys" in records[0]).toBe(outcome === succeeded);
  }
});
