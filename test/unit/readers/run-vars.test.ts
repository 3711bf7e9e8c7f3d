import { expect, test } from "vitest";
import { applyVars } from "../../../coordinator/readers/run-vars.ts";
import type { GraphSpecInput } from "../../../shared/model/job-spec.ts";

const graph: GraphSpecInput = {
  vars: [
    ["VERSION", "1"],
    ["__proto__", "p"],
  ],
  jobs: [{ name: "a", run: { script: "x" } }],
};

test("sets variables and keeps the others; the last assignment counts", () => {
  const result = applyVars(graph, ["VERSION=2", "VERSION=a=b\nc", "__proto__="]);
  expect(result).toEqual({
    ok: true,
    graph: {
      ...graph,
      vars: [
        ["VERSION", "a=b\nc"],
        ["__proto__", ""],
      ],
    },
  });
});

test("tells every assignment that cannot be made", () => {
  const result = applyVars(graph, ["VERSON=2", "VERSION", "=x", "VERSION=a\0b"]);
  expect(result.ok ? [] : result.problems).toEqual([
    '--var VERSON=2: there is no variable "VERSON" in the run file; did you mean "VERSION"?',
    "--var VERSION: must be NAME=VALUE",
    '--var =x: there is no variable "" in the run file',
    "--var VERSION: must be text without NUL characters",
  ]);
});

test("says when the run file has no variables at all", () => {
  const result = applyVars({ jobs: graph.jobs }, ["A=1"]);
  expect(result.ok ? [] : result.problems).toEqual([
    '--var A=1: there is no variable "A" in the run file; the run file has no vars',
  ]);
});
