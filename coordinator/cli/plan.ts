import { compileGraph } from "../../shared/model/graph.ts";
import {
  type Command,
  type GraphSpecInput,
  type JobSpecInput,
  wordsOf,
} from "../../shared/model/job-spec.ts";
import { printJson } from "./json-output.ts";
import { printTable } from "./table-output.ts";
import type { Terminal } from "./terminal.ts";

/** Prints what would run: every job once, each after all that it needs. */
export async function printPlan(terminal: Terminal, graph: GraphSpecInput, json: boolean): Promise<void> {
  const jobs = inOrder(graph);
  if (json) {
    await printJson(terminal, jobs);
    return;
  }
  const columns = [
    { title: "JOB" },
    { title: "NEEDS" },
    { title: "RUNS IN", maxWidth: 40 },
    { title: "COMMAND", maxWidth: 60 },
  ];
  const rows = jobs.map((job) => [
    job.name,
    (job.needs ?? []).map((need) => need.job).join(", ") || "-",
    job.image ?? "shell",
    firstLine(job.run),
  ]);
  await printTable(terminal, columns, rows);
}

function inOrder(graph: GraphSpecInput): JobSpecInput[] {
  const compilation = compileGraph(graph);
  if (!compilation.ok) throw new RangeError("a run file that was checked has a graph without problems");
  return Array.from(compilation.graph.order, (index) => graph.jobs[index]!);
}

function firstLine(command: Command): string {
  const text = wordsOf(command).join(" ").trim();
  const [first = "", ...rest] = text.split("\n");
  return rest.length === 0 ? first : `${first} …`;
}
