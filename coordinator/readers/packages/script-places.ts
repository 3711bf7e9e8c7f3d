/** Finds the place of a mistake in a script in the file that its phase was written in. */
import { join } from "node:path";
import { type Problem, problemAtOffset } from "../source-text.ts";
import { pathBelowRoot } from "./complete-package.ts";
import { type Package, packageTitle } from "./package.ts";
import { fileWith, type RepositoryPlace } from "./package-places.ts";
import { PACKAGE_FILE } from "./package-tree.ts";
import type { ScriptMistake } from "./script.ts";
import { nodeAt } from "./toml-places.ts";
import { commonIndentation } from "./unindented.ts";

/**
 * The mistake as `file:line:col`, to the character where the text stands in the file as it is, with the package: another
 * one may be rendered from the same text without a mistake.
 */
export async function placedMistake(
  place: RepositoryPlace,
  item: Package,
  { phase, line, column, message: reason }: ScriptMistake,
): Promise<Problem> {
  const own = join(place.shownRoot, item.folder, PACKAGE_FILE);
  const message = `${packageTitle(item)}: ${reason}`;
  if (phase === undefined) return { file: own, line: 1, col: 1, message };
  const said = `phase ${JSON.stringify(phase)}: ${message}`;
  const { file, folder, text, tree } = await fileWith(place, item.folder, ["phases", phase]);
  const indentation = commonIndentation(item.phases.get(phase) ?? "");
  const named = nodeAt(tree, ["phases", phase, "path"]);
  if (named?.kind === "scalar") {
    const path = pathBelowRoot({ path: named.text, folder }) ?? file;
    return {
      file: join(place.shownRoot, path),
      line: line + 1,
      col: indentation + column + 1,
      message: said,
    };
  }
  const start = nodeAt(tree, ["phases", phase, "script"])?.start;
  if (start === undefined) return { file, line: line + 1, col: 1, message: said };
  const opening = /^(?:'''|""")(\r?\n)?|^["']/.exec(text.slice(start, start + 5))?.[0] ?? "";
  const lines = text.slice(start + opening.length).split("\n");
  const before = lines.slice(0, line).reduce((sum, passed) => sum + passed.length + 1, 0);
  return problemAtOffset(file, text, start + opening.length + before + indentation + column, said);
}
