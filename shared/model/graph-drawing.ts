/**
 * A graph as text for other programs: Graphviz, Mermaid, JSON. Nodes are numbered and names appear only as labels,
 * so no name can break the syntax once its label is escaped.
 */
import type { JobPhase } from "./event.ts";

export interface DrawnJob {
  readonly job: string;
  readonly needs: readonly string[];
  readonly phase?: JobPhase;
}

export type GraphFormat = "dot" | "mermaid" | "json";

/** Draws edges from a needed job to the one that needs it; ends with a line break. */
export function drawGraph(jobs: readonly DrawnJob[], format: GraphFormat): string {
  switch (format) {
    case "dot":
      return drawDot(jobs);
    case "mermaid":
      return drawMermaid(jobs);
    case "json":
      return `${JSON.stringify({ jobs }, null, 2)}\n`;
  }
}

const phaseColours: Record<JobPhase, string> = {
  waiting: "#eeeeee",
  ready: "#fff2b3",
  assigned: "#fff2b3",
  running: "#b3d9ff",
  succeeded: "#b8e6b8",
  failed: "#f5b5b5",
  blocked: "#e0c8e8",
  skipped: "#dddddd",
  cancelled: "#e8d5b5",
};

function drawDot(jobs: readonly DrawnJob[]): string {
  const lines = jobs.map(({ job, phase }, index) => {
    const fill =
      phase === undefined ? "" : `, style="filled", fillcolor="${phaseColours[phase]}", tooltip="${phase}"`;
    return `  n${index} [label="${dotLabel(job)}"${fill}];`;
  });
  const arrows = edges(jobs).map(([from, to]) => `  n${from} -> n${to};`);
  return ["digraph millrace {", "  rankdir=LR;", "  node [shape=box];", ...lines, ...arrows, "}", ""].join(
    "\n",
  );
}

/** Backslashes start escapes such as `\N` in a label. */
function dotLabel(name: string): string {
  return name.replace(/[\\"]/g, "\\$&");
}

function drawMermaid(jobs: readonly DrawnJob[]): string {
  const lines = jobs.map(({ job, phase }, index) => {
    return `  n${index}["${mermaidLabel(job)}"]${phase === undefined ? "" : `:::${phase}`}`;
  });
  const arrows = edges(jobs).map(([from, to]) => `  n${from} --> n${to}`);
  const phases = new Set(jobs.flatMap(({ phase }) => (phase === undefined ? [] : [phase])));
  const classes = [...phases].map((phase) => `  classDef ${phase} fill:${phaseColours[phase]}`);
  return ["flowchart LR", ...lines, ...arrows, ...classes, ""].join("\n");
}

/**
 * Labels are HTML and Markdown to Mermaid: whatever could mean something there becomes a character reference, also
 * what would make a list of it: `- x`, `1. x`.
 */
function mermaidLabel(name: string): string {
  return name.replace(
    /[^\p{L}\p{M}\p{N} _.:/@+-]|(?<=^|\s)[+-]|\.(?=\s|$)/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
}

function edges(jobs: readonly DrawnJob[]): [number, number][] {
  const indexOf = new Map(jobs.map(({ job }, index) => [job, index]));
  return jobs.flatMap(({ needs }, to) =>
    needs.flatMap((need): [number, number][] => {
      const from = indexOf.get(need);
      return from === undefined ? [] : [[from, to]];
    }),
  );
}
