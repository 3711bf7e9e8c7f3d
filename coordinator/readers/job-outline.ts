/**
 * What the jobs of a file have to do with each other, read leniently: names, needs and their places. So cycles and
 * unknown needs are found in the same go as all other mistakes, in a file that has such, too.
 */
import {
  compileGraph,
  describeGraphProblem,
  type Graph,
  type GraphProblem,
  type GraphShape,
} from "../../shared/model/graph.ts";
import type { Report } from "./source-text.ts";
import { quoted, type SourceNode, valueAt } from "./source-tree.ts";

interface OutlinedNeed {
  readonly job: string;
  readonly transitive: boolean;
  readonly start: number;
}

interface OutlinedJob {
  readonly name: string;
  readonly start: number;
  readonly needs: readonly OutlinedNeed[];
  readonly hasRun: boolean;
}

/** A suggestion compares with every job, so only the first mistakes get one. */
const MAX_SUGGESTIONS = 50;

/** Compiles the graph of a file and reports what is wrong between its jobs; undefined when anything is. */
export function checkJobs(root: SourceNode, report: Report): Graph | undefined {
  const shape = { jobs: outline(root) };
  for (const { name, start, hasRun } of shape.jobs) {
    if (!hasRun) report(start, `${quoted(name)} has no "run", here or in defaults`);
  }
  const compilation = compileGraph(shape);
  if (compilation.ok) return compilation.graph;
  const names = shape.jobs.map(({ name }) => name);
  let suggestions = 0;
  for (const problem of compilation.problems) {
    const candidates = problem.kind === "unknownNeed" && suggestions++ < MAX_SUGGESTIONS ? names : [];
    report(
      placeOf(problem, shape.jobs),
      describeGraphProblem(problem, shape satisfies GraphShape, candidates),
    );
  }
  return undefined;
}

function outline(root: SourceNode): OutlinedJob[] {
  const jobs = child(root, "jobs");
  if (jobs?.kind !== "map") return [];
  const defaults = child(root, "defaults");
  const hasDefaultRun = defaults !== undefined && child(defaults, "run") !== undefined;
  return jobs.entries.map(({ key, keyStart, value }) => ({
    name: key,
    start: keyStart,
    needs: needsOf(value),
    // Where the job is no map at all, that is the mistake to report.
    hasRun: hasDefaultRun || value.kind !== "map" || child(value, "run") !== undefined,
  }));
}

function needsOf(job: SourceNode): OutlinedNeed[] {
  const needs = child(job, "needs");
  if (needs === undefined) return [];
  const outlined: OutlinedNeed[] = [];
  for (const item of needs.kind === "list" ? needs.items : [needs]) {
    const name = item.kind === "map" ? child(item, "job") : item;
    if (name?.kind !== "scalar" || typeof name.value !== "string") continue;
    const transitive = child(item, "transitive");
    outlined.push({
      job: name.value,
      transitive: transitive?.kind === "scalar" && transitive.value === true,
      start: name.start,
    });
  }
  return outlined;
}

function child(node: SourceNode, key: string): SourceNode | undefined {
  return node.kind === "map" ? valueAt(node, key) : undefined;
}

function placeOf(problem: GraphProblem, jobs: readonly OutlinedJob[]): number {
  if (problem.kind === "duplicateJob") return jobs[problem.job]!.start;
  const job = problem.kind === "cycle" ? problem.path[0]! : problem.job;
  return jobs[job]!.needs[problem.need]!.start;
}
