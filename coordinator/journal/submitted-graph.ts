/** The graph of a submission: in the record itself, or stored as an object under its digest. */
import { z } from "zod";
import { MillraceError } from "../../shared/model/error.ts";
import {
  type Compilation,
  compileGraph,
  compileInSteps,
  describeGraphProblem,
  type Graph,
} from "../../shared/model/graph.ts";
import {
  completeJobSpec,
  type GraphSpec,
  type GraphSpecInput,
  graphSpecSchema,
  type JobSpec,
  type JobSpecInput,
  jobSpecSchema,
  wordsOf,
} from "../../shared/model/job-spec.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import type { RecordOf } from "../core/record.ts";

/** Reads a stored graph by its digest. */
export type ReadGraph = (digest: string) => Promise<unknown>;

export type GraphReference = RecordOf<"submitted">["graph"];

export interface OpenedGraph {
  readonly spec: GraphSpec;
  readonly graph: Graph;
}

/** Fetches, validates and compiles the graph of a new submission; what is wrong with it is a `badInput`. */
export async function openGraph(reference: GraphReference, readGraph: ReadGraph): Promise<OpenedGraph> {
  if ("inline" in reference) {
    const spec = reference.inline;
    const varsBytes = bytesOf(spec.vars.flat());
    for (const job of spec.jobs) refuseUnusable(job, varsBytes);
    return opened(spec, compileGraph(spec));
  }
  const slice = new TimeSlice();
  const { jobs, ...whole } = valid(listedJobsSchema, await readGraph(reference.digest), []);
  const varsBytes = bytesOf(whole.vars.flat());
  const checked = (job: unknown, index: number): JobSpec => {
    valid(jobSpecSchema, job, ["jobs", index]);
    // Not what the schema makes of it: that would be a copy of all defaults for each job.
    const complete = completeJobSpec(job as JobSpecInput);
    refuseUnusable(complete, varsBytes);
    return complete;
  };
  return compiled({ ...whole, jobs: await mapped(jobs, checked, slice) }, slice);
}

/** The graph of a journaled submission: it was validated then, and its digest says that it is still the same. */
export async function reopenGraph(reference: GraphReference, readGraph: ReadGraph): Promise<OpenedGraph> {
  if ("inline" in reference) return opened(reference.inline, compileGraph(reference.inline));
  const { jobs, vars = [], ...rest } = (await readGraph(reference.digest)) as GraphSpecInput;
  const slice = new TimeSlice();
  return compiled({ ...rest, vars, jobs: await mapped(jobs, completeJobSpec, slice) }, slice);
}

/** A graph whose jobs are still to be looked at: all at once would hold everybody else up. */
const listedJobsSchema = graphSpecSchema.extend({ jobs: z.array(z.unknown()).min(1) });

function valid<T>(schema: z.ZodType<T>, value: unknown, path: readonly (string | number)[]): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = [...path, ...(issue?.path ?? [])].join(".");
  throw new MillraceError("badInput", `the graph is not valid at ${where}: ${issue?.message ?? "unknown"}`);
}

async function mapped<From, To>(
  values: readonly From[],
  map: (value: From, index: number) => To,
  slice: TimeSlice,
): Promise<To[]> {
  const results: To[] = [];
  for (const [index, value] of values.entries()) {
    results.push(map(value, index));
    if (slice.isOver) await slice.rest();
  }
  return results;
}

async function compiled(spec: GraphSpec, slice: TimeSlice): Promise<OpenedGraph> {
  const steps = compileInSteps(spec);
  let step = steps.next();
  for (; !step.done; step = steps.next()) if (slice.isOver) await slice.rest();
  // What the caller makes of a large graph takes long as well.
  await slice.rest();
  return opened(spec, step.value);
}

function opened(spec: GraphSpec, compilation: Compilation): OpenedGraph {
  if (compilation.ok) return { spec, graph: compilation.graph };
  const shown = compilation.problems.slice(0, 10).map((problem) => describeGraphProblem(problem, spec));
  throw new MillraceError("badInput", `the graph is not valid: ${shown.join("; ")}`);
}

/** Files are for fixed paths, which jobs of other layouts do not have; and a job request has to fit into a message. */
function refuseUnusable(job: JobSpec, varsBytes: number): void {
  if (job.files.length > 0 && job.layout !== "package") {
    const what = `the job ${JSON.stringify(job.name)} has files, which it would not find`;
    throw new MillraceError("badInput", what, {
      fix: 'Give it the layout "package", or put the files into an artifact that is its `sources`.',
    });
  }
  const bytes = requestBytes(job) + varsBytes;
  if (bytes <= MAX_JOB_BYTES) return;
  const what = `the job ${JSON.stringify(job.name)}${varsBytes === 0 ? "" : " with the variables of its run"}`;
  throw new MillraceError("badInput", `${what} is of ${bytes} bytes, more than ${MAX_JOB_BYTES}`, {
    fix: "Put long scripts and data into files and name them in `sources`.",
  });
}

/** With room for the rest of a job request. */
const MAX_JOB_BYTES = 256 * 1024;

/** What a job request carries of a job, without the run's variables, which reach every job. */
function requestBytes({ run, env, outputs, files, image = "", network = "" }: JobSpec): number {
  const digests = files.map(({ digest }) => digest);
  return bytesOf([...wordsOf(run), ...env.flat(), ...outputs, ...digests, image, network]);
}

function bytesOf(texts: readonly string[]): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return bytes;
}
