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
import { jobAt, type RunState, specAt } from "./run-state.ts";

/** A named part of what a job is, with its value or, where that may be long or secret, a digest of it. */
export type Component = readonly [name: string, value: string];

/** All that a key is made of. */
export interface Ingredients {
  /** Of the job itself, in a fixed order. */
  readonly own: readonly Component[];
  readonly inputs: readonly Input[];
  /** Whether the job sees whose artifact is which. */
  readonly areInputsNamed: boolean;
}

interface Input {
  readonly job: string;
  /** Null for a job without outputs. */
  readonly artifact: string | null;
  /** Its own deep key; of a job without one its artifact stands for its history. */
  readonly history: string | null;
}

const VERSION = "1";

/**
 * What a job is made of whose needs are final, if it runs there. Undefined where more may come to what it needs indirectly:
 * what is between runs whatever its own needs end as, so it may have begun before one of them ended.
 */
export function ingredientsOf(state: RunState, index: number, place: RanOn): Ingredients | undefined {
  const isWorkspace = specAt(state, index).layout === "workspace";
  const needed = inputsOf(state.graph, index);
  const isIndirect = needed.length > targetsOf(state.graph.needs, index).length;
  if (isIndirect && needed.some((need) => specAt(state, need).when !== "success")) return undefined;
  const inputs = needed.map((need): Input => {
    const { artifact, keys } = jobAt(state, need);
    const digest = artifact?.digest ?? null;
    return { job: specAt(state, need).name, artifact: digest, history: keys?.deepKey ?? digest };
  });
  return { own: ownComponents(state, index, place), inputs, areInputsNamed: isWorkspace };
}

/** Key and deep key. */
export function keysFrom({ own, inputs, areInputsNamed }: Ingredients): ReuseKeys {
  const keyed = (kind: string, of: (input: Input) => string | null): string => {
    const values = inputs.flatMap((input) => {
      const value = of(input);
      return value === null ? [] : [areInputsNamed ? JSON.stringify([input.job, value]) : value];
    });
    return digestOf([kind, VERSION, own, [...new Set(values)].sort()]);
  };
  return {
    key: keyed("key", ({ artifact }) => artifact),
    deepKey: keyed("deepKey", ({ history }) => history),
  };
}

/** The keys of a job whose needs are final, if it runs there. */
export function keysAt(state: RunState, index: number, place: RanOn): ReuseKeys | undefined {
  const ingredients = ingredientsOf(state, index, place);
  return ingredients === undefined ? undefined : keysFrom(ingredients);
}

/** More inputs are one component. */
const NAMED_INPUTS = 200;

/** The components as they are remembered until the next time, inputs among them. */
export function componentsOf({ own, inputs }: Ingredients): Component[] {
  const stored = inputs.flatMap(({ job, artifact }): Component[] =>
    artifact === null ? [] : [[`${INPUT}${job}`, artifact]],
  );
  if (stored.length <= NAMED_INPUTS) return [...own, ...stored];
  return [...own, [MANY_INPUTS, digestOf(stored)]];
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

function ownComponents(state: RunState, index: number, place: RanOn): Component[] {
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
