import { expect, test } from "vitest";
import { onLooked, type ReuseAnswer } from "../../../coordinator/core/reuse-decide.ts";
import { RunDriver } from "../../support/run-driver.ts";

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
