/**
 * Which layers that are there a job takes, and what of its inputs needs a layer made for it. Packages of a deep graph need
 * nearly all that their needs needed, so nearly all of what a job is to see was put together for a job before it.
 *
 * The largest layer comes first of which the job is to see everything, and nothing twice; and so on. As a job takes few
 * layers, small ones are made again as part of a larger one when there are many of them: a chain of n packages, each of which
 * adds one, makes a name for each artifact about as often as a log-structured store copies a record, not n times.
 *
 * 1. The layers taken and the rest are the inputs: together all of them, each once. 2. Not more than MAX_TAKEN are taken.
 * 3. No layer has to be searched but up to the first input that the job does not have.
 */

/** Some of the inputs of some job, each there once. */
export interface Coverable {
  readonly digests: readonly string[];
}

export interface Cover<L extends Coverable> {
  readonly taken: readonly L[];
  /** In the order of the inputs. */
  readonly rest: readonly string[];
}

/** Files are looked for in one layer after the other, so many would be slow, as they are for the kernel from 500 on. */
const MAX_TAKEN = 12;
/** What is so much smaller than the inputs is not worth a layer that all later jobs look into. */
const LEAST_SHARE = 1 / 64;

/** Covers inputs, each there once, with layers, the largest first. */
export function coverWithLayers<L extends Coverable>(
  inputs: readonly string[],
  layers: readonly L[],
): Cover<L> {
  const open = new Set(inputs);
  const taken: L[] = [];
  for (const layer of layers) {
    const { digests } = layer;
    if (taken.length === MAX_TAKEN || digests.length < inputs.length * LEAST_SHARE) break;
    if (digests.length > open.size || !digests.every((digest) => open.has(digest))) continue;
    for (const digest of digests) open.delete(digest);
    taken.push(layer);
  }
  return { taken, rest: [...open] };
}
