/**
 * Which paths and link targets may be in an artifact. None of them can lead out of the folder it is unpacked to:
 *
 * 1. A path is relative, in plain form (no empty, `.` or `..` part), so it names something below the folder.
 * 2. A link's target goes up at its start only, and no further than the folder. As what lies above an entry is always
 *    a real folder, the upward steps are what they seem; each name after them is below the folder, or another link,
 *    for which the same holds.
 */

const MAX_PATH_BYTES = 4000;
const MAX_NAME_BYTES = 255;

/** Says what is wrong with an entry's path, or nothing. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  if (path.includes("\0")) return "contains a NUL character";
  if (!path.isWellFormed() || path.includes("\uFFFD")) return "is not valid UTF-8";
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..") return `has the part "${part}"`;
    if (part.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(part) > MAX_NAME_BYTES) {
      return `has a name longer than ${MAX_NAME_BYTES} bytes`;
    }
  }
  return undefined;
}

/** Says what is wrong with the target of the link at `path`, or nothing. */
export function targetProblem(path: string, target: string): string | undefined {
  if (target === "") return "is empty";
  if (target.startsWith("/")) return "is absolute";
  if (target.includes("\0")) return "contains a NUL character";
  if (!target.isWellFormed() || target.includes("\uFFFD")) return "is not valid UTF-8";
  if (Buffer.byteLength(target) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const down = parts.findIndex((part) => part !== "..");
  const ups = down === -1 ? parts.length : down;
  if (parts.lastIndexOf("..") >= ups) return "goes up after it went down";
  if (ups > path.split("/").length - 1) return "leaves the workspace";
  return undefined;
}

/** The folders above a path, outermost first: `a/b/c` has `a` and `a/b`. */
export function* foldersAbove(path: string): Generator<string> {
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    yield path.slice(0, slash);
  }
}
