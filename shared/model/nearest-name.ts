/**
 * "Did you mean …?": the known name that a mistyped one was most likely meant to be.
 *
 * The distance is Damerau-Levenshtein in its restricted form: insertions, deletions, replacements and swaps of
 * neighbours each count one, no character is edited twice. A name is near within a third of its length, at most 3.
 * Only the diagonal band that can stay within the bound is computed, so a hundred thousand candidates are cheap.
 */

const MAX_DISTANCE = 3;

/** The candidate nearest to a mistyped name, the first of equally near ones; undefined when none is near. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const lowered = name.toLowerCase();
  let bound = Math.min(MAX_DISTANCE, Math.max(1, Math.floor(name.length / 3)));
  let nearest: string | undefined;
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) > bound) continue;
    const loweredCandidate = candidate.toLowerCase();
    if (loweredCandidate === lowered) return candidate;
    const distance = editDistance(lowered, loweredCandidate, bound);
    if (distance > bound) continue;
    nearest = candidate;
    if (distance === 1) bound = 0;
    else bound = distance - 1;
  }
  return nearest;
}

/** ` Did you mean "x"?` when there is a near name, else nothing: made to end a message. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
}

/** Edits that turn one text into the other, or `bound + 1` when it takes more than `bound`. */
export function editDistance(from: string, to: string, bound: number): number {
  const tooFar = bound + 1;
  if (Math.abs(from.length - to.length) > bound) return tooFar;
  let beforeLast: number[] = [];
  let last: number[] = [];
  for (let column = 0; column <= to.length; column++) last.push(column <= bound ? column : tooFar);
  for (let row = 1; row <= from.length; row++) {
    const first = Math.max(1, row - bound);
    const end = Math.min(to.length, row + bound);
    const current: number[] = new Array(to.length + 1).fill(tooFar);
    if (row <= bound) current[0] = row;
    let best = current[0]!;
    for (let column = first; column <= end; column++) {
      const replaced = last[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      let edits = Math.min(replaced, last[column]! + 1, current[column - 1]! + 1, tooFar);
      const isSwap =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) edits = Math.min(edits, beforeLast[column - 2]! + 1);
      current[column] = edits;
      best = Math.min(best, edits);
    }
    if (best > bound) return tooFar;
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
