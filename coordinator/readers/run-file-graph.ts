/** From the run file as people write it to the graph as it is submitted: defaults merged, units gone, lists plain. */
import { type Graph, targetsOf } from "../../shared/model/graph.ts";
import type { GraphSpecInput, JobSpecInput, Pairs } from "../../shared/model/job-spec.ts";
import type { JobDefaults, JobDefinition, RunFile } from "../../shared/model/run-file.ts";

export interface RunFileGraph {
  readonly graph: GraphSpecInput;
  /** Globs of the files beside the run file that a job wants; jobs without such are not in it. */
  readonly sources: Map<string, string[]>;
}

/** Makes the graph of a checked run file, in the order of its compiled one. Every job has a `run`, its own or by default. */
export function graphOf({ name, vars, defaults, jobs }: RunFile, compiled: Graph): RunFileGraph {
  const sources = new Map<string, string[]>();
  const specs: JobSpecInput[] = [];
  for (const [jobName, definition] of jobs) {
    const job = defaults === undefined ? definition : withDefaults(definition, defaults);
    specs.push(jobSpec(jobName, job));
    if (job.sources !== undefined) sources.set(jobName, listOf(job.sources));
  }
  decideReuse(specs, sources, compiled);
  const graph: GraphSpecInput = { jobs: specs };
  if (name !== undefined) graph.name = name;
  if (vars !== undefined) graph.vars = pairsOf(vars);
  return { graph, sources };
}

/** Where the file does not say it, a job with declared inputs is reused: files, or only what reused jobs make. */
function decideReuse(
  specs: readonly JobSpecInput[],
  sources: RunFileGraph["sources"],
  { order, needs }: Graph,
): void {
  for (const index of order) {
    const spec = specs[index] as JobSpecInput;
    if (spec.reuse !== undefined || (spec.when ?? "success") !== "success") continue;
    const needed = targetsOf(needs, index);
    const isOfReused = needed.length > 0 && needed.every((need) => specs[need]?.reuse === true);
    if (isOfReused || sources.has(spec.name)) spec.reuse = true;
  }
}

/** Maps are merged key by key, anything else of the job replaces what is in defaults. */
function withDefaults(job: JobDefinition, defaults: JobDefaults): JobDefinition {
  const merged: JobDefinition = { ...defaults, ...job };
  if (defaults.env !== undefined && job.env !== undefined)
    merged.env = new Map([...defaults.env, ...job.env]);
  if (defaults.labels !== undefined && job.labels !== undefined) {
    merged.labels = new Map([...defaults.labels, ...job.labels]);
  }
  if (defaults.resources !== undefined) merged.resources = { ...defaults.resources, ...job.resources };
  if (defaults.timeout !== undefined && job.timeout !== undefined) {
    merged.timeout = { ...timeoutKeys(defaults.timeout), ...timeoutKeys(job.timeout) };
  }
  if (defaults.retries !== undefined && job.retries !== undefined) {
    merged.retries = { ...retryKeys(defaults.retries), ...retryKeys(job.retries) };
  }
  return merged;
}

function jobSpec(name: string, job: JobDefinition): JobSpecInput {
  const spec: JobSpecInput = { name, run: commandOf(name, job.run) };
  if (job.needs !== undefined) spec.needs = listOf(job.needs).map(needOf);
  if (job.layout !== undefined) spec.layout = job.layout;
  if (job.image !== undefined) spec.image = job.image;
  if (job.network !== undefined) spec.network = job.network;
  if (job.env !== undefined) spec.env = pairsOf(job.env);
  if (job.outputs !== undefined) spec.outputs = listOf(job.outputs);
  if (job.labels !== undefined) spec.labels = pairsOf(job.labels);
  if (job.resources !== undefined) spec.resources = resourcesOf(job.resources);
  if (job.timeout !== undefined) spec.timeouts = timeoutsOf(job.timeout);
  if (job.retries !== undefined) spec.retries = retriesOf(job.retries);
  if (job.rerunAfterLoss !== undefined) spec.rerunAfterLoss = job.rerunAfterLoss;
  if (job.priority !== undefined) spec.priority = job.priority;
  if (job.allowFailure !== undefined) spec.allowFailure = job.allowFailure;
  if (job.when !== undefined) spec.when = job.when;
  if (job.reuse !== undefined) spec.reuse = job.reuse;
  return spec;
}

function commandOf(name: string, run: JobDefinition["run"]): JobSpecInput["run"] {
  if (run === undefined) throw new TypeError(`job ${JSON.stringify(name)} has no run`);
  if (Array.isArray(run)) return { argv: run };
  // Its author names what is to run it: `sh` would take that line for a comment.
  return run.startsWith("#!") ? { program: run } : { script: run };
}

type Need = Exclude<NonNullable<JobDefinition["needs"]>, readonly unknown[]>;

function needOf(need: Need): NonNullable<JobSpecInput["needs"]>[number] {
  if (typeof need === "string") return { job: need };
  return need.transitive === true ? { job: need.job, transitive: true } : { job: need.job };
}

function resourcesOf({ cpu, memory }: NonNullable<JobDefinition["resources"]>): JobSpecInput["resources"] {
  const resources: JobSpecInput["resources"] = {};
  if (cpu !== undefined) resources.cpu = cpu;
  if (memory !== undefined) resources.memoryBytes = memory;
  return resources;
}

type Timeout = NonNullable<JobDefinition["timeout"]>;

function timeoutKeys(timeout: Timeout): Exclude<Timeout, number> {
  return typeof timeout === "number" ? { run: timeout } : timeout;
}

function timeoutsOf(timeout: Timeout): JobSpecInput["timeouts"] {
  const { run, queue, noOutput } = timeoutKeys(timeout);
  const timeouts: JobSpecInput["timeouts"] = {};
  if (run !== undefined) timeouts.runMs = run;
  if (queue !== undefined) timeouts.queueMs = queue;
  if (noOutput !== undefined) timeouts.noOutputMs = noOutput;
  return timeouts;
}

type Retries = NonNullable<JobDefinition["retries"]>;

function retryKeys(retries: Retries): Exclude<Retries, number> {
  return typeof retries === "number" ? { max: retries } : retries;
}

function retriesOf(written: Retries): JobSpecInput["retries"] {
  const { max, on, exitCodes, backoff } = retryKeys(written);
  const retries: JobSpecInput["retries"] = { max };
  if (on !== undefined) retries.on = listOf(on);
  if (exitCodes !== undefined) retries.exitCodes = listOf(exitCodes);
  if (backoff !== undefined) retries.backoffMs = backoff;
  return retries;
}

function listOf<T>(oneOrMore: T | T[]): T[] {
  return Array.isArray(oneOrMore) ? oneOrMore : [oneOrMore];
}

function pairsOf(map: ReadonlyMap<string, string>): Pairs {
  return [...map];
}
