import { compileGraph, type GraphShape, transitiveNeeds } from "./graph.ts";
import { nearestName } from "./nearest-name.ts";

/** A job that was asked for and is not in the graph, with the name that was likely meant. */
export interface UnknownTarget {
  readonly name: string;
  readonly nearest: string | undefined;
}

export type Selection<S> =
  | { readonly ok: true; readonly spec: S }
  | { readonly ok: false; readonly unknown: readonly UnknownTarget[] };

/** The part of a correct graph that the targets take: themselves and all they need, in file order. */
export function subgraph<S extends GraphShape>(spec: S, targets: readonly string[]): Selection<S> {
  const compilation = compileGraph(spec);
  if (!compilation.ok) throw new RangeError("only a graph without problems has subgraphs");
  const { graph } = compilation;
  const unknown = targets
    .filter((name) => !graph.indexOf.has(name))
    .map((name) => ({ name, nearest: nearestName(name, graph.indexOf.keys()) }));
  if (unknown.length > 0) return { ok: false, unknown };
  const kept = transitiveNeeds(
    graph,
    targets.map((name) => graph.indexOf.get(name)!),
  );
  return { ok: true, spec: { ...spec, jobs: Array.from(kept, (index) => spec.jobs[index]!) } };
}
