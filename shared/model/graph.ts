/**
 * The graph of a run, compiled once: jobs are numbered in file order, edges lie in flat arrays, so that a hundred
 * thousand jobs cost a few megabytes and no objects.
 *
 * Compiling resolves names to indexes, orders the jobs by Kahn's algorithm and ranks them backwards along that order.
 * Jobs that the order does not reach lie on a cycle or behind one; `graph-cycle.ts` prints one cycle of each knot.
 *
 * 1. `order` has every job once, each after all that it needs.
 * 2. `dependants` is `needs` turned round: the same edges.
 * 3. `rank` is 1 for a job that nothing needs, else one more than the highest of its dependants.
 */
import { findCycles } from "./graph-cycle.ts";
import { didYouMean } from "./nearest-name.ts";

/** What compiling looks at; a GraphSpec is one, before and after its defaults are filled in. */
export interface GraphShape {
  readonly jobs: readonly JobShape[];
}

export interface JobShape {
  readonly name: string;
  readonly needs?: readonly { readonly job: string; readonly transitive?: boolean | undefined }[] | undefined;
}

/** Edges by their source: those of job `i` are `targets` from `offsets[i]` up to `offsets[i + 1]`. */
export interface Adjacency {
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
}

export interface Graph {
  readonly size: number;
  readonly edges: number;
  /** Index of a job in file order. */
  readonly indexOf: ReadonlyMap<string, number>;
  readonly names: readonly string[];
  readonly needs: Adjacency;
  readonly dependants: Adjacency;
  /** Parallel to `needs.targets`: 1 where what the needed job needed is wanted too. */
  readonly transitive: Uint8Array;
  /** Topological: needs before dependants. */
  readonly order: Int32Array;
  /** Longest path from the job to one that nothing needs, counted in jobs with itself. */
  readonly rank: Int32Array;
}

/** `need` is the position in the job's list of needs. */
export type GraphProblem =
  | { readonly kind: "duplicateJob"; readonly job: number; readonly name: string }
  | { readonly kind: "unknownNeed"; readonly job: number; readonly need: number; readonly name: string }
  | { readonly kind: "selfNeed"; readonly job: number; readonly need: number }
  | { readonly kind: "duplicateNeed"; readonly job: number; readonly need: number }
  /** Each job needs the next one, the last one needs the first; `need` leads from the first to the second. */
  | { readonly kind: "cycle"; readonly path: readonly number[]; readonly need: number };

export type Compilation =
  | { readonly ok: true; readonly graph: Graph }
  | { readonly ok: false; readonly problems: readonly GraphProblem[] };

/** What job `source` has edges to: needs as they are listed, dependants in file order. A view, not a copy. */
export function targetsOf(edges: Adjacency, source: number): Int32Array {
  return edges.targets.subarray(edges.offsets[source], edges.offsets[source + 1]);
}

/** Compiles a graph, or says all that is wrong with its shape. */
export function compileGraph(shape: GraphShape): Compilation {
  const steps = compileInSteps(shape);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Jobs that are looked at in one step. */
const STEP_JOBS = 5_000;

/** The same in steps of some milliseconds, between which others may have their turn. */
export function* compileInSteps(shape: GraphShape): Generator<void, Compilation> {
  const problems: GraphProblem[] = [];
  const indexOf = new Map<string, number>();
  for (let from = 0; from < shape.jobs.length; from += STEP_JOBS) {
    nameJobs(shape, from, indexOf, problems);
    yield;
  }
  const { needs, transitive, positions } = yield* resolveNeeds(shape, indexOf, problems);
  yield;
  const dependants = reversed(needs);
  yield;
  const order = topologicalOrder(needs, dependants);
  yield;
  if (order.length < shape.jobs.length) {
    for (const path of findCycles(needs, order)) {
      problems.push({
        kind: "cycle",
        path,
        need: positions[edgeBetween(needs, path[0]!, path[1] ?? path[0]!)]!,
      });
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  const graph: Graph = {
    size: shape.jobs.length,
    edges: needs.targets.length,
    indexOf,
    names: shape.jobs.map((job) => job.name),
    needs,
    dependants,
    transitive,
    order,
    rank: ranks(dependants, order),
  };
  return { ok: true, graph };
}

/** What a problem says to people. `names` are the candidates for a mistyped need; none means no suggestion. */
export function describeGraphProblem(
  problem: GraphProblem,
  shape: GraphShape,
  names: Iterable<string> = [],
): string {
  const nameOf = (job: number): string => shape.jobs[job]!.name;
  switch (problem.kind) {
    case "duplicateJob":
      return `there is already a job ${JSON.stringify(problem.name)}`;
    case "unknownNeed":
      return `${JSON.stringify(nameOf(problem.job))} needs ${JSON.stringify(problem.name)}, which is no job${didYouMean(problem.name, names)}`;
    case "selfNeed":
      return `${JSON.stringify(nameOf(problem.job))} needs itself`;
    case "duplicateNeed":
      return `${JSON.stringify(nameOf(problem.job))} needs the same job twice`;
    case "cycle":
      return `jobs need each other in a cycle: ${cyclePath(problem.path.map(nameOf))}`;
  }
}

const SHOWN_CYCLE_JOBS = 50;

function cyclePath(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_CYCLE_JOBS);
  if (shown.length < names.length) shown.push(`… ${names.length - shown.length} more …`);
  return [...shown, names[0]].join(" -> ");
}

/** The indexes that a job may look into as its inputs: its needs, and what those brought along transitively. */
export function inputsOf(graph: Graph, job: number): number[] {
  const { offsets, targets } = graph.needs;
  const inputs = new Set<number>(targetsOf(graph.needs, job));
  const roots: number[] = [];
  for (let edge = offsets[job]!; edge < offsets[job + 1]!; edge++) {
    if (graph.transitive[edge] === 1) roots.push(targets[edge]!);
  }
  if (roots.length > 0) for (const index of transitiveNeeds(graph, roots)) inputs.add(index);
  return [...inputs];
}

/** The given jobs and all that they need, directly or not, in file order. */
export function transitiveNeeds(graph: Pick<Graph, "size" | "needs">, jobs: Iterable<number>): Int32Array {
  const { offsets, targets } = graph.needs;
  const isReached = new Uint8Array(graph.size);
  const open: number[] = [];
  const reach = (job: number): void => {
    if (isReached[job] === 1) return;
    isReached[job] = 1;
    open.push(job);
  };
  for (const job of jobs) reach(job);
  for (let job = open.pop(); job !== undefined; job = open.pop()) {
    for (let edge = offsets[job]!; edge < offsets[job + 1]!; edge++) reach(targets[edge]!);
  }
  const reached = new Int32Array(isReached.reduce((sum, flag) => sum + flag, 0));
  let count = 0;
  for (let job = 0; job < graph.size; job++) if (isReached[job] === 1) reached[count++] = job;
  return reached;
}

function nameJobs(
  shape: GraphShape,
  from: number,
  indexOf: Map<string, number>,
  problems: GraphProblem[],
): void {
  const end = Math.min(from + STEP_JOBS, shape.jobs.length);
  for (let index = from; index < end; index++) {
    const { name } = shape.jobs[index]!;
    if (indexOf.has(name)) problems.push({ kind: "duplicateJob", job: index, name });
    else indexOf.set(name, index);
  }
}

interface ResolvedNeeds {
  readonly needs: Adjacency;
  readonly transitive: Uint8Array;
  /** Parallel to the targets: the position in the job's list, which differs once a bad need is left out. */
  readonly positions: Int32Array;
}

function* resolveNeeds(
  shape: GraphShape,
  indexOf: ReadonlyMap<string, number>,
  problems: GraphProblem[],
): Generator<void, ResolvedNeeds> {
  const size = shape.jobs.length;
  const most = shape.jobs.reduce((sum, job) => sum + (job.needs?.length ?? 0), 0);
  const offsets = new Int32Array(size + 1);
  const targets = new Int32Array(most);
  const transitive = new Uint8Array(most);
  const positions = new Int32Array(most);
  // The last job that named a target: finds a repeated need without a set for each job.
  const namedBy = new Int32Array(size).fill(-1);
  let count = 0;
  const resolve = (job: number): void => {
    shape.jobs[job]!.needs?.forEach((need, position) => {
      const target = indexOf.get(need.job);
      if (target === undefined) problems.push({ kind: "unknownNeed", job, need: position, name: need.job });
      else if (target === job) problems.push({ kind: "selfNeed", job, need: position });
      else if (namedBy[target] === job) problems.push({ kind: "duplicateNeed", job, need: position });
      else {
        namedBy[target] = job;
        targets[count] = target;
        transitive[count] = need.transitive === true ? 1 : 0;
        positions[count] = position;
        count++;
      }
    });
    offsets[job + 1] = count;
  };
  for (let job = 0; job < size; job++) {
    resolve(job);
    if (job % STEP_JOBS === 0) yield;
  }
  const needs = { offsets, targets: count === most ? targets : targets.slice(0, count) };
  return { needs, transitive, positions };
}

function reversed({ offsets, targets }: Adjacency): Adjacency {
  const size = offsets.length - 1;
  const turnedOffsets = new Int32Array(size + 1);
  for (const target of targets) turnedOffsets[target + 1]!++;
  for (let job = 0; job < size; job++) turnedOffsets[job + 1]! += turnedOffsets[job]!;
  const next = turnedOffsets.slice();
  const turnedTargets = new Int32Array(targets.length);
  for (let job = 0; job < size; job++) {
    for (let edge = offsets[job]!; edge < offsets[job + 1]!; edge++) {
      turnedTargets[next[targets[edge]!]!++] = job;
    }
  }
  return { offsets: turnedOffsets, targets: turnedTargets };
}

/** Shorter than the graph when there is a cycle: it holds only what no cycle holds back. */
function topologicalOrder(needs: Adjacency, dependants: Adjacency): Int32Array {
  const size = needs.offsets.length - 1;
  const missing = new Int32Array(size);
  const order = new Int32Array(size);
  let count = 0;
  for (let job = 0; job < size; job++) {
    missing[job] = needs.offsets[job + 1]! - needs.offsets[job]!;
    if (missing[job] === 0) order[count++] = job;
  }
  for (let done = 0; done < count; done++) {
    const job = order[done]!;
    for (let edge = dependants.offsets[job]!; edge < dependants.offsets[job + 1]!; edge++) {
      const dependant = dependants.targets[edge]!;
      if (--missing[dependant]! === 0) order[count++] = dependant;
    }
  }
  return order.subarray(0, count);
}

function ranks(dependants: Adjacency, order: Int32Array): Int32Array {
  const rank = new Int32Array(order.length).fill(1);
  for (let position = order.length - 1; position >= 0; position--) {
    const job = order[position]!;
    for (let edge = dependants.offsets[job]!; edge < dependants.offsets[job + 1]!; edge++) {
      rank[job] = Math.max(rank[job]!, rank[dependants.targets[edge]!]! + 1);
    }
  }
  return rank;
}

function edgeBetween({ offsets, targets }: Adjacency, from: number, to: number): number {
  let edge = offsets[from]!;
  while (targets[edge] !== to) edge++;
  return edge;
}
