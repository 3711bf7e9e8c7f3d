/** What a run is made of: the run file, read, checked, cut to the jobs asked for, with its sources stored. */
import { dirname, resolve } from "node:path";
import type { Client } from "../../shared/client/client.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { subgraph } from "../../shared/model/graph-selection.ts";
import type { GraphSpecInput } from "../../shared/model/job-spec.ts";
import { readRunFile } from "../readers/run-file.ts";
import { applyVars } from "../readers/run-vars.ts";
import { formatProblem, type Problem } from "../readers/source-text.ts";
import type { Terminal } from "./terminal.ts";

export interface RunInput {
  readonly graph: GraphSpecInput;
  /** Globs of files beside the run file, by job. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  /** The folder that globs start from. */
  readonly root: string;
}

export interface RunRequest {
  readonly file: string;
  readonly jobs: readonly string[];
  /** `NAME=VALUE`. */
  readonly var: readonly string[];
}

/** Reads the run file; undefined when it has mistakes, which are on stderr then. */
export async function readRunInput(request: RunRequest, terminal: Terminal): Promise<RunInput | undefined> {
  const reading = await readRunFile(request.file);
  if (!reading.ok) {
    printProblems(reading.problems, terminal);
    return undefined;
  }
  const graph = selectJobs(assignVars(reading.graph, request.var), request);
  return { graph, sources: reading.sources, root: dirname(resolve(request.file)) };
}

/** Says every mistake as `file:line:col: message`. */
export function printProblems(problems: readonly Problem[], terminal: Terminal): void {
  for (const problem of problems) terminal.note(formatProblem(problem));
}

/** The graph with variables set; throws `badInput` naming every assignment that can't be made. */
export function assignVars(graph: GraphSpecInput, assignments: readonly string[]): GraphSpecInput {
  const result = applyVars(graph, assignments);
  if (result.ok) return result.graph;
  throw new MillraceError("badInput", result.problems.join("\n"), {
    fix: "The run file declares them under `vars`.",
  });
}

/** The graph with each job's sources stored and named by their digest; equal globs are stored once. */
export async function withSources(
  client: Client,
  { graph, sources, root }: RunInput,
): Promise<GraphSpecInput> {
  if (sources.size === 0) return graph;
  const digests = new Map<string, Promise<string>>();
  const digestOf = (globs: readonly string[]): Promise<string> => {
    const key = JSON.stringify(globs);
    const known = digests.get(key);
    if (known !== undefined) return known;
    const digest = client.uploadSources(root, globs).then((artifact) => artifact.digest);
    digests.set(key, digest);
    return digest;
  };
  const jobs = await Promise.all(
    graph.jobs.map(async (job) => {
      const globs = sources.get(job.name);
      return globs === undefined ? job : { ...job, sources: await digestOf(globs) };
    }),
  );
  return { ...graph, jobs };
}

function selectJobs(graph: GraphSpecInput, { file, jobs }: RunRequest): GraphSpecInput {
  if (jobs.length === 0) return graph;
  const selection = subgraph(graph, jobs);
  if (selection.ok) return selection.spec;
  const sentences = selection.unknown.map(({ name, nearest }) => {
    const hint = nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
    return `${file} has no job ${JSON.stringify(name)}${hint}`;
  });
  throw new MillraceError("badInput", sentences.join("\n"), {
    fix: `millrace graph ${file} shows its jobs.`,
  });
}
