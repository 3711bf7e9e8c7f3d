import { expect, test } from "vitest";
import {
  compileGraph,
  describeGraphProblem,
  type Graph,
  type GraphProblem,
  type GraphShape,
  inputsOf,
  targetsOf,
  transitiveNeeds,
} from "../../../shared/model/graph.ts";
import { subgraph } from "../../../shared/model/graph-selection.ts";

/** `shapeOf({b: ["a"], a: []})`; a need that ends in `+` is transitive. */
function shapeOf(needs: Record<string, string[]>): GraphShape {
  return {
    jobs: Object.entries(needs).map(([name, list]) => ({
      name,
      needs: list.map((need) =>
        need.endsWith("+") ? { job: need.slice(0, -1), transitive: true } : { job: need },
      ),
    })),
  };
}

function compiled(shape: GraphShape): Graph {
  const compilation = compileGraph(shape);
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
  return compilation.graph;
}

function problemsOf(shape: GraphShape): readonly GraphProblem[] {
  const compilation = compileGraph(shape);
  return compilation.ok ? [] : compilation.problems;
}

const diamond = shapeOf({ top: ["left", "right"], left: ["base"], right: ["base"], base: [], alone: [] });

test("numbers jobs in file order and keeps both directions of every edge", () => {
  const graph = compiled(diamond);
  expect([...graph.indexOf]).toEqual([
    ["top", 0],
    ["left", 1],
    ["right", 2],
    ["base", 3],
    ["alone", 4],
  ]);
  expect([...targetsOf(graph.needs, 0)]).toEqual([1, 2]);
  expect([...targetsOf(graph.dependants, 3)]).toEqual([1, 2]);
  expect([...targetsOf(graph.dependants, 4)]).toEqual([]);
  expect(graph.edges).toBe(4);
});

test("orders needs before dependants and ranks by the longest path that follows", () => {
  const graph = compiled(diamond);
  expect([...graph.order]).toEqual([3, 4, 1, 2, 0]);
  expect([...graph.rank]).toEqual([1, 2, 2, 3, 1]);
});

test("brings along what a need needed only where that is asked for", () => {
  const graph = compiled(shapeOf({ a: [], b: ["a"], plain: ["b"], asking: ["b+"] }));
  expect(inputsOf(graph, 2)).toEqual([1]);
  expect(inputsOf(graph, 3).sort()).toEqual([0, 1]);
});

test("gives all that jobs need in file order, themselves included", () => {
  expect([...transitiveNeeds(compiled(diamond), [1, 4])]).toEqual([1, 3, 4]);
});

test("reports unknown, own and repeated needs at once, each with its position", () => {
  expect(problemsOf(shapeOf({ a: ["b", "x", "b"], b: ["b"] }))).toEqual([
    { kind: "unknownNeed", job: 0, need: 1, name: "x" },
    { kind: "duplicateNeed", job: 0, need: 2 },
    { kind: "selfNeed", job: 1, need: 0 },
  ]);
});

test("reports a job name that is there twice", () => {
  expect(problemsOf({ jobs: [{ name: "a" }, { name: "a" }] })).toEqual([
    { kind: "duplicateJob", job: 1, name: "a" },
  ]);
});

test("shows one shortest cycle for each knot, and none for what hangs behind it", () => {
  const knots = shapeOf({ a: ["b"], b: ["c", "a"], c: ["a"], behind: ["a"], x: ["y"], y: ["x"], free: [] });
  expect(problemsOf(knots)).toEqual([
    { kind: "cycle", path: [0, 1], need: 0 },
    { kind: "cycle", path: [4, 5], need: 0 },
  ]);
});

test("counts the position of a cycle's need among the needs as written", () => {
  const [, cycle] = problemsOf(shapeOf({ a: ["nothing", "b"], b: ["a"] }));
  expect(cycle).toEqual({ kind: "cycle", path: [0, 1], need: 1 });
});

test("prints a cycle as its path, and cuts a very long one", () => {
  const shape = shapeOf({ a: ["b"], b: ["a"] });
  expect(describeGraphProblem(problemsOf(shape)[0]!, shape)).toMatch(/a -> b -> a$/);
  const size = 100_000;
  const ring = {
    jobs: Array.from({ length: size }, (_, i) => ({ name: `j${i}`, needs: [{ job: `j${(i + 1) % size}` }] })),
  };
  const message = describeGraphProblem(problemsOf(ring)[0]!, ring);
  expect(message).toContain("99950 more");
  expect(message.length).toBeLessThan(1000);
});

test("keeps names that mean something to JavaScript objects", () => {
  const shape = {
    jobs: [
      { name: "__proto__", needs: [{ job: "constructor" }] },
      { name: "constructor", needs: [{ job: "toString" }] },
    ],
  };
  expect(problemsOf(shape)).toEqual([{ kind: "unknownNeed", job: 1, need: 0, name: "toString" }]);
});

test("selects the targets and what they need", () => {
  const selection = subgraph(diamond, ["left"]);
  expect(selection.ok && selection.spec.jobs.map(({ name }) => name)).toEqual(["left", "base"]);
});

test("names the nearest job for an unknown target", () => {
  expect(subgraph(diamond, ["left", "rihgt", "zzz"])).toEqual({
    ok: false,
    unknown: [
      { name: "rihgt", nearest: "right" },
      { name: "zzz", nearest: undefined },
    ],
  });
});
