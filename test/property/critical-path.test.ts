import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ranksOf, remainingPaths } from "../../coordinator/core/critical-path.ts";
import { forecastFrom } from "../../coordinator/core/forecast.ts";
import { compileGraph, type Graph, targetsOf } from "../../shared/model/graph.ts";
import { graphsOf } from "./random-graph.ts";

function compiled(jobs: Parameters<typeof compileGraph>[0]["jobs"]): Graph {
  const compilation = compileGraph({ jobs });
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
  return compilation.graph;
}

const graphs = graphsOf(fc.constant({}), 40).map(compiled);
const timed = graphs.chain((graph) => {
  const ms = fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: Number.NaN });
  const medians = fc.array(ms, { minLength: graph.size, maxLength: graph.size });
  return fc.record({ graph: fc.constant(graph), medians: medians.map((all) => Float64Array.from(all)) });
});

function forecastOf(graph: Graph, medians: Float64Array) {
  const steps = forecastFrom(graph, medians);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The longest of all paths that begin with a job, found by walking each of them. */
function longest(graph: Graph, durations: Float64Array, job: number): number {
  const behind = [...targetsOf(graph.dependants, job)].map((next) => longest(graph, durations, next));
  return (durations[job] ?? 0) + Math.max(0, ...behind);
}

describe("the critical path", () => {
  it("is the longest of all paths, in time", () => {
    fc.assert(
      fc.property(
        timed.filter(({ graph }) => graph.size <= 12),
        ({ graph, medians }) => {
          const { durations, paths } = forecastOf(graph, medians);
          expect([...paths]).toEqual([...paths.keys()].map((job) => longest(graph, durations, job)));
        },
      ),
    );
  });

  it("is counted in jobs, as the graph ranks them, where nothing is known", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const { paths } = forecastOf(graph, new Float64Array(graph.size).fill(Number.NaN));
        expect([...paths]).toEqual([...graph.rank]);
      }),
    );
  });

  it("ranks a longer path first, and of equal ones the larger fan-out", () => {
    fc.assert(
      fc.property(timed, ({ graph, medians }) => {
        const { paths, ranks } = forecastOf(graph, medians);
        const fanOut = (job: number): number => targetsOf(graph.dependants, job).length;
        for (const a of ranks.keys()) {
          for (const b of ranks.keys()) {
            const [pathA = 0, pathB = 0, rankA = 0, rankB = 0] = [paths[a], paths[b], ranks[a], ranks[b]];
            if (pathA > pathB || (pathA === pathB && fanOut(a) > fanOut(b)))
              expect(rankA).toBeGreaterThan(rankB);
          }
        }
      }),
    );
  });

  it("takes the median of what is known for a job of which nothing is", () => {
    const graph = compiled([{ name: "a" }, { name: "b" }, { name: "c" }, { name: "d" }]);
    const { durations, isKnown } = forecastOf(graph, Float64Array.of(100, Number.NaN, 300, 0));
    expect([...durations]).toEqual([100, 100, 300, 1]);
    expect([...isKnown]).toEqual([1, 0, 1, 1]);
    expect([...ranksOf(graph, remainingPaths(graph, durations))]).toEqual([100, 100, 300, 1]);
  });
});
