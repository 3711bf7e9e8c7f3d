/** The graph of packages for people, and for Graphviz. Pure. */
import { packageTitle } from "../../readers/packages/package.ts";
import type { PackageGraph, PackageNeed } from "../../readers/packages/package-graph.ts";

/**
 * As a tree, the roots on the left. A package that is needed in several places shows what it needs itself in the first of
 * them alone, or a few dozen packages could fill many screens. What is needed to build alone has a `*`.
 */
export function treeLines(graph: PackageGraph, unicode: boolean): string[] {
  const strokes = unicode
    ? { branch: "├── ", last: "└── ", beside: "│   ", more: " …" }
    : { branch: "|-- ", last: "`-- ", beside: "|   ", more: " ..." };
  const lines: string[] = [];
  const drawn = new Set<number>();
  const draw = (index: number, mark: string, first: string, rest: string): void => {
    const needs = graph.needs[index]!;
    const isRepeated = needs.length > 0 && drawn.has(index);
    lines.push(`${first}${packageTitle(graph.packages[index]!)}${mark}${isRepeated ? strokes.more : ""}`);
    if (isRepeated) return;
    drawn.add(index);
    for (const [position, need] of needs.entries()) {
      const isLast = position === needs.length - 1;
      const stroke = isLast ? strokes.last : strokes.branch;
      draw(
        need.index,
        isBuildOnly(need) ? " *" : "",
        rest + stroke,
        rest + (isLast ? "    " : strokes.beside),
      );
    }
  };
  for (const root of graph.roots) draw(root, "", "", "");
  return lines;
}

/** For Graphviz: an edge to each needed package, dotted where it is needed to build alone. */
export function dotText({ packages, needs }: PackageGraph): string {
  const nodes = packages.map((item, index) => `  n${index} [label="${label(packageTitle(item))}"];`);
  const edges = needs.flatMap((list, from) =>
    list.map((need) => `  n${from} -> n${need.index}${isBuildOnly(need) ? " [style=dotted]" : ""};`),
  );
  return ["digraph packages {", "  node [shape=box];", ...nodes, ...edges, "}", ""].join("\n");
}

function isBuildOnly({ kinds }: PackageNeed): boolean {
  return !kinds.includes("runtime");
}

/** Backslashes start escapes such as `\N` in a label. */
function label(title: string): string {
  return title.replace(/[\\"]/g, "\\$&");
}
