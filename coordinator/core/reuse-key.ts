/**
 * What makes two jobs equal, as components that are named for people: of these the key is made, and of these an
 * explanation says which differ. The deep key has the history of each input in place of its bytes.
 *
 * 1. Equal keys: whoever runs the one job may take the other one's result. 2. Equal deep keys: all that lies below was
 * equal, too. 3. A job on a host and one in a container never have the same key.
 */
import { digestOf } from "../../shared/model/digest.ts";
import { inputsOf, targetsOf } from "../../shared/model/graph.ts";
import { digestSchema } from "../../shared/model/job-spec.ts";
import type { RanOn } from "../../shared/model/outcome.ts";
import type { ReuseKeys } from "./record.ts";
import { type Job, jobAt, type RunState, specAt } from "./run-state.ts";

/** A named part of what a job is, with its value or, where that may be long or secret, a digest of it. */
export type Component = readonly [name: string, value: string];

/** All that a key is made of. */
export interface Ingredients {
  /** Of the job itself, in a fixed order. */
  readonly own: readonly Component[];
  readonly inputs: Inputs;
}

/** What a job sees of others. */
interface Inputs {
  /** The artifact of each, by the name of its job, where they are not too many to be told one by one. */
  readonly named: readonly Component[] | undefined;
  /** Digest of the artifacts: in the layout `workspace` with whose each is, else as a set. */
  readonly artifacts: string;
  /** The same of how they came to be. */
  readonly histories: string;
}

const VERSION = "2";

/**
 * What a job is made of whose needs are final, if it runs there. Undefined where more may come to what it needs indirectly:
 * what is between runs whatever its own needs end as, so it may have begun before one of them ended.
 */
export function ingredientsOf(state: RunState, index: number, place: RanOn): Ingredients | undefined {
  const job = jobAt(state, index);
  const known = manyInputs.get(job);
  if (known !== undefined) return { own: ownComponents(state, index, place), inputs: known };
  const needed = inputsOf(state.graph, index);
  const isIndirect = needed.length > targetsOf(state.graph.needs, index).length;
  if (isIndirect && needed.some((need) => specAt(state, need).when !== "success")) return undefined;
  const inputs = inputsFrom(state, index, needed);
  if (inputs.named === undefined) manyInputs.set(job, inputs);
  return { own: ownComponents(state, index, place), inputs };
}

/** Key and deep key. */
export function keysFrom({ own, inputs }: Ingredients): ReuseKeys {
  return {
    key: digestOf(["key", VERSION, own, inputs.artifacts]),
    deepKey: digestOf(["deepKey", VERSION, own, inputs.histories]),
  };
}

/** More inputs are one component. */
const NAMED_INPUTS = 200;

/**
 * Those of jobs with many: they are asked for when the job is ready and when it has succeeded, and nothing changes them in
 * between, as what it needs was final before.
 */
const manyInputs = new WeakMap<Job, Inputs>();

function inputsFrom(state: RunState, index: number, needed: readonly number[]): Inputs {
  const isNamed = specAt(state, index).layout === "workspace";
  const nameOf = (need: number): string => specAt(state, need).name;
  const artifactOf = (need: number): string | undefined => jobAt(state, need).artifact?.digest;
  const historyOf = (need: number): string | undefined =>
    jobAt(state, need).keys?.deepKey ?? artifactOf(need);
  // A loop without an object for each one: in a deep graph there are millions.
  const digest = (of: readonly number[], told: (need: number) => string | undefined): string => {
    const values: string[] = [];
    for (const need of of) {
      const value = told(need);
      if (value !== undefined) values.push(isNamed ? `${value} ${nameOf(need)}` : value);
    }
    values.sort();
    return digestOf(values.filter((value, at) => at === 0 || value !== values[at - 1]));
  };
  return {
    named: namedArtifacts(needed, artifactOf, nameOf),
    artifacts: digest(needed, artifactOf),
    histories: digest(roots(state, index), historyOf),
  };
}

/** Undefined where they are too many. */
function namedArtifacts(
  needed: readonly number[],
  artifactOf: (need: number) => string | undefined,
  nameOf: (need: number) => string,
): Component[] | undefined {
  const named: Component[] = [];
  for (const need of needed) {
    const artifact = artifactOf(need);
    if (artifact === undefined) continue;
    if (named.length === NAMED_INPUTS) return undefined;
    named.push([`${INPUT}${nameOf(need)}`, artifact]);
  }
  return named;
}

/** What has the history of all inputs in its own: the needs of a job, and of one without a deep key what that brought along. */
function roots(state: RunState, index: number): number[] {
  const { graph } = state;
  const { offsets, targets } = graph.needs;
  const found = new Set(targetsOf(graph.needs, index));
  const open: number[] = [];
  for (let edge = offsets[index]!; edge < offsets[index + 1]!; edge++)
    if (graph.transitive[edge] === 1) open.push(targets[edge]!);
  const isPassed = new Set<number>();
  for (let need = open.pop(); need !== undefined; need = open.pop()) {
    if (isPassed.has(need)) continue;
    isPassed.add(need);
    found.add(need);
    if (jobAt(state, need).keys === null) open.push(...targetsOf(graph.needs, need));
  }
  return [...found];
}

/** The keys of a job whose needs are final, if it runs there. */
export function keysAt(state: RunState, index: number, place: RanOn): ReuseKeys | undefined {
  const ingredients = ingredientsOf(state, index, place);
  return ingredients === undefined ? undefined : keysFrom(ingredients);
}

/** The components as they are remembered until the next time, inputs among them. */
export function componentsOf({ own, inputs }: Ingredients): Component[] {
  return [...own, ...(inputs.named ?? [[MANY_INPUTS, inputs.artifacts] as const])];
}

/** Begins the name of a component that is the artifact of a needed job. */
export const INPUT = "input ";
/** Whether a component is an artifact of what the job needs. */
export function isInput([name]: Component): boolean {
  return name.startsWith(INPUT) || name === MANY_INPUTS;
}

/** Begins that of a variable. */
export const VARIABLE = "variable ";
/** The inputs as one component. */
export const MANY_INPUTS = "inputs";
/** Begins that of an artifact of files that the submitter has given; what follows is its number in the folder. */
export const FILES = "files ";

/** The components that are the job's own, whatever comes of what it needs. */
export function ownComponents(state: RunState, index: number, place: RanOn): Component[] {
  const spec = specAt(state, index);
  const components: Component[] = [["command", digestOf(spec.run)]];
  // It finds it in its environment.
  if (spec.layout === "workspace") components.push(["name", spec.name]);
  components.push("image" in place ? ["image", place.image] : ["host", place.host]);
  if (spec.network !== undefined) components.push(["network", spec.network]);
  components.push(["layout", spec.layout]);
  if (spec.marks !== undefined) components.push(["marks", spec.marks.verdict]);
  if (spec.sources !== undefined) components.push(["sources", spec.sources]);
  const counts = { inputs: 0, patches: 0 };
  for (const { digest, folder } of spec.files) {
    counts[folder] += 1;
    components.push([`${FILES}${folder} ${counts[folder]}`, digest]);
  }
  components.push(["outputs", digestOf(spec.outputs)]);
  const variables = [...new Map([...state.vars, ...spec.env])].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of variables) components.push([`${VARIABLE}${name}`, digestOf(value)]);
  return components;
}

/** Whether the value of a component names an artifact, in which one can look for what differs. */
export function isArtifact([name, value]: Component): boolean {
  return (name === "sources" || name.startsWith(FILES)) && digestSchema.safeParse(value).success;
}
