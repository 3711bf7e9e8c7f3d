/**
 * Finds cycles to show: the shortest one through the first job of each strongly connected component.
 *
 * Tarjan's algorithm with a stack of its own instead of recursion, as a chain may be a hundred thousand jobs long.
 * A job is `unseen` (number 0), `open` (numbered, its component not closed) or `closed`. A component is closed when
 * the walk leaves its first-numbered job, the only one that reaches nothing numbered lower among the open ones.
 *
 * 1. Each component of two jobs or more gives exactly one cycle; a job outside all of them gives none.
 * 2. Linear in jobs and edges: every edge is walked once here and at most once when its component's cycle is searched.
 */
import type { Adjacency } from "./graph.ts";

/** One cycle per knot of jobs, each as indexes that need the next and the last the first. `ordered` lie on none. */
export function findCycles(needs: Adjacency, ordered: Iterable<number>): number[][] {
  const isFree = new Uint8Array(needs.offsets.length - 1);
  for (const job of ordered) isFree[job] = 1;
  return components(needs, isFree)
    .filter((component) => component.length > 1)
    .map((component) => shortestCycle(needs, component))
    .sort((left, right) => left[0]! - right[0]!);
}

function components({ offsets, targets }: Adjacency, isFree: Uint8Array): number[][] {
  const size = offsets.length - 1;
  const found: number[][] = [];
  const number = new Int32Array(size);
  const lowest = new Int32Array(size);
  const isOpen = new Uint8Array(size);
  const nextEdge = offsets.slice();
  const open: number[] = [];
  let numbered = 0;
  for (let root = 0; root < size; root++) {
    if (isFree[root] === 1 || number[root] !== 0) continue;
    const path: number[] = [];
    const enter = (job: number): void => {
      number[job] = lowest[job] = ++numbered;
      isOpen[job] = 1;
      open.push(job);
      path.push(job);
    };
    enter(root);
    for (let job = path.at(-1); job !== undefined; job = path.at(-1)) {
      if (nextEdge[job]! < offsets[job + 1]!) {
        const target = targets[nextEdge[job]!++]!;
        if (isFree[target] === 1) continue;
        if (number[target] === 0) enter(target);
        else if (isOpen[target] === 1) lowest[job] = Math.min(lowest[job]!, number[target]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) lowest[parent] = Math.min(lowest[parent]!, lowest[job]!);
      if (lowest[job] !== number[job]) continue;
      const component = open.splice(open.lastIndexOf(job));
      for (const member of component) isOpen[member] = 0;
      found.push(component);
    }
  }
  return found;
}

/** Breadth first from the component's first job in file order until an edge leads back to it. */
function shortestCycle({ offsets, targets }: Adjacency, component: number[]): number[] {
  const start = component.reduce((least, job) => Math.min(least, job));
  const members = new Set(component);
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const job of queue) {
    for (let edge = offsets[job]!; edge < offsets[job + 1]!; edge++) {
      const target = targets[edge]!;
      if (target === start) return pathTo(job, cameFrom);
      if (!members.has(target) || cameFrom.has(target)) continue;
      cameFrom.set(target, job);
      queue.push(target);
    }
  }
  throw new RangeError(`job ${start} is on no cycle of its component`);
}

function pathTo(job: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const path = [job];
  for (let from = cameFrom.get(job); from !== undefined; from = cameFrom.get(from)) path.push(from);
  return path.reverse();
}
