/** What differs between a job and its last result, in words: why that result was not taken. */
import { type Component, FILES, INPUT, MANY_INPUTS, VARIABLE } from "./reuse-key.ts";

/** A component that is not as it was; `was` or `is` is undefined where it was not there, or is not any more. */
export interface Difference {
  readonly name: string;
  readonly was: string | undefined;
  readonly is: string | undefined;
}

/** In the order of the components, what is gone at the end. */
export function differencesBetween(was: readonly Component[], is: readonly Component[]): Difference[] {
  const before = new Map(was);
  const after = new Map(is);
  const changed = is.flatMap(([name, value]): Difference[] =>
    before.get(name) === value ? [] : [{ name, was: before.get(name), is: value }],
  );
  const gone = was.flatMap(([name, value]): Difference[] =>
    // What takes the place of a place is told already.
    after.has(name) || name === "image" || name === "host" ? [] : [{ name, was: value, is: undefined }],
  );
  return [...changed, ...gone];
}

const MAX_NAMED = 5;

/**
 * As one clause: `its command differs; variable CFLAGS is new`. `filesIn` tells which files of two artifacts differ, where
 * that is known.
 */
export function describeDifferences(
  differences: readonly Difference[],
  filesIn: (difference: Difference) => readonly string[] = () => [],
): string {
  const clauses = differences.slice(0, MAX_NAMED).map((difference) => {
    const files = filesIn(difference);
    return `${describe(difference)}${files.length === 0 ? "" : `: ${listed(files)}`}`;
  });
  const more = differences.length - clauses.length;
  return [...clauses, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function describe({ name, was, is }: Difference): string {
  const how = was === undefined ? "is new" : is === undefined ? "is gone" : "differs";
  if (name.startsWith(VARIABLE)) return `variable ${name.slice(VARIABLE.length)} ${how}`;
  if (name.startsWith(INPUT)) return `what ${name.slice(INPUT.length)} made ${how}`;
  if (name === MANY_INPUTS) return "what the jobs made that it needs differs";
  if (name.startsWith(FILES)) return `${name.includes("patches") ? "a patch" : "a source file"} ${how}`;
  if (name === "sources") return `a source file ${how}`;
  if (name === "image") return was === undefined ? "it runs in a container now" : "the image is another one";
  if (name === "host")
    return was === undefined ? "it runs on the host now" : `the host is ${is}, and was ${was}`;
  if (name === "outputs") return "its globs for outputs differ";
  if (name === "marks") return "what counts as its success differs";
  return `its ${name} ${how}`;
}

/** The first few of the names. */
export function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
