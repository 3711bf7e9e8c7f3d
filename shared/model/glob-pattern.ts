/**
 * Says what is wrong with a glob that must stay in its folder, or nothing. It looks at the text alone and so sees
 * mistakes, not malice: whoever opens the files checks where the paths lead.
 */
export function globProblem(glob: string): string | undefined {
  if (glob === "") return "must not be empty";
  if (glob.includes("\0")) return "must not contain a NUL character";
  if (glob.startsWith("/")) return "must be relative: a path that begins with / leaves the folder";
  // Alternatives in braces become path segments too: {..,a}/x is ../x.
  const segments = glob.replaceAll("\\", "").split(/[/{},]/);
  if (segments.includes("..")) return "must stay in the folder: .. leaves it";
  return undefined;
}

/** The same glob without a leading `./`. */
export function plainGlob(glob: string): string {
  return glob.replace(/^(\.\/+)+(?=[^/])/, "");
}
