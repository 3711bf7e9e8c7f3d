import { reasonOf } from "../../shared/model/error.ts";
import { type Difference, describeDifferences, differencesBetween } from "../core/reuse-difference.ts";
import { type Component, isArtifact, isInput } from "../core/reuse-key.ts";
import type { ReuseStores } from "../journal/reuse-stores.ts";
import type { Look } from "./reuse-message.ts";

/** What is to be explained: the name of a job, and what it is made of. */
type Compared = Pick<Look, "name" | "components" | "cutoff">;
type Means = Pick<ReuseStores, "store" | "filesOf">;

const NEVER = "no job of its name is known to have succeeded";

/** Says why nothing is remembered of a job: how it differs from its last success. Never rejects. */
export async function compareWithLastTime(means: Means, look: Compared): Promise<string> {
  try {
    const last = await means.store.lastTime(look.name);
    if (last === undefined) return NEVER;
    const differences = differencesBetween(last.components, look.components);
    if (differences.length > 0) return await whatDiffers(means, last.run, differences);
    if (look.cutoff) return `what it made in run ${last.run} is not remembered any more`;
    return `it is as in run ${last.run}, but not all that lies below it is`;
  } catch (error) {
    return `nothing is remembered under its key, nor can be said why: ${reasonOf(error)}`;
  }
}

/**
 * Says why a job would run, whatever its inputs turn out to be: it has never succeeded, or it is another one than the last
 * time. `own` is what it is made of without its inputs, where that is known.
 */
export async function whyInAnyCase(
  means: Means,
  name: string,
  own: readonly Component[] | undefined,
): Promise<string | undefined> {
  const last = await means.store.lastTime(name);
  if (last === undefined) return NEVER;
  const before = last.components.filter((component) => !isInput(component));
  const differences = own === undefined ? [] : differencesBetween(before, own);
  return differences.length === 0 ? undefined : await whatDiffers(means, last.run, differences);
}

async function whatDiffers(
  { filesOf }: Means,
  run: string,
  differences: readonly Difference[],
): Promise<string> {
  const files = await differentFiles(differences, filesOf);
  const which = describeDifferences(differences, (difference) => files.get(difference.name) ?? []);
  return `since run ${run} ${which}`;
}

async function differentFiles(
  differences: readonly Difference[],
  filesOf: Means["filesOf"],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const named = await Promise.all(
    differences.filter(isOfFiles).map(async ({ name, was, is }): Promise<[string, string[]]> => {
      const [before, after] = await Promise.all([filesIn(was, filesOf), filesIn(is, filesOf)]);
      const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
      return [name, paths.filter((path) => before.get(path) !== after.get(path))];
    }),
  );
  return new Map(named);
}

function isOfFiles({ name, was, is }: Difference): boolean {
  const components: Component[] = [was, is].flatMap((value) => (value === undefined ? [] : [[name, value]]));
  return components.every(isArtifact);
}

/** None of what is not there any more. */
async function filesIn(
  digest: string | undefined,
  filesOf: Means["filesOf"],
): Promise<ReadonlyMap<string, string>> {
  if (digest === undefined) return new Map();
  try {
    return await filesOf(digest);
  } catch {
    return new Map();
  }
}
