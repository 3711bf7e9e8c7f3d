/** The graph of a submission: in the record itself, or stored as an object under its digest. */
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
  const spec = "inline" in reference ? reference.inline : validGraph(await readGraph(reference.digest));
  refuseLargeJobs(spec);
  refuseUselessFiles(spec);
  return opened(spec, compileGraph(spec));
}

/** The graph of a journaled submission: it was validated then, and its digest says that it is still the same. */
export async function reopenGraph(reference: GraphReference, readGraph: ReadGraph): Promise<OpenedGraph> {
  if ("inline" in reference) return opened(reference.inline, compileGraph(reference.inline));
  const { jobs, vars = [], ...rest } = (await readGraph(reference.digest)) as GraphSpecInput;
  const slice = new TimeSlice();
  const complete: JobSpec[] = [];
  for (const job of jobs) {
    complete.push(completeJobSpec(job));
    if (slice.isOver) await slice.rest();
  }
  const spec = { ...rest, vars, jobs: complete };
  const steps = compileInSteps(spec);
  let step = steps.next();
  for (; !step.done; step = steps.next()) if (slice.isOver) await slice.rest();
  // What the caller makes of a large graph takes long as well.
  await slice.rest();
  return opened(spec, step.value);
}

function validGraph(value: unknown): GraphSpec {
  const parsed = graphSpecSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") ?? "";
  throw new MillraceError("badInput", `the graph is not valid at ${where}: ${issue?.message ?? "unknown"}`);
}

function opened(spec: GraphSpec, compilation: Compilation): OpenedGraph {
  if (compilation.ok) return { spec, graph: compilation.graph };
  const shown = compilation.problems.slice(0, 10).map((problem) => describeGraphProblem(problem, spec));
  throw new MillraceError("badInput", `the graph is not valid: ${shown.join("; ")}`);
}

/** Files are for fixed paths, which jobs of other layouts do not have. */
function refuseUselessFiles({ jobs }: GraphSpec): void {
  const job = jobs.find(({ layout, files }) => files.length > 0 && layout !== "package");
  if (job === undefined) return;
  throw new MillraceError(
    "badInput",
    `the job ${JSON.stringify(job.name)} has files, which it would not find`,
    {
      fix: 'Give it the layout "package", or put the files into an artifact that is its `sources`.',
    },
  );
}

/** A job request has to fit into a message, with room for the rest of it. */
const MAX_JOB_BYTES = 256 * 1024;

/** What a job request carries of a job, and of the run's variables, which reach every job. */
function refuseLargeJobs({ vars, jobs }: GraphSpec): void {
  const varsBytes = bytesOf(vars.flat());
  for (const { name, run, env, outputs, files, image = "", network = "" } of jobs) {
    const bytes =
      varsBytes +
      bytesOf([
        ...wordsOf(run),
        ...env.flat(),
        ...outputs,
        ...files.map(({ digest }) => digest),
        image,
        network,
      ]);
    if (bytes <= MAX_JOB_BYTES) continue;
    const what = `the job ${JSON.stringify(name)}${varsBytes === 0 ? "" : " with the variables of its run"}`;
    throw new MillraceError("badInput", `${what} is of ${bytes} bytes, more than ${MAX_JOB_BYTES}`, {
      fix: "Put long scripts and data into files and name them in `sources`.",
    });
  }
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
