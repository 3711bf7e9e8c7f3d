/** Artifacts on their way into a store: their files come into a folder of the change, and are looked at before they count. */
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import type { Provenance } from "../../shared/model/provenance.ts";
import { pathProblem } from "../../shared/store/safe-path.ts";
import { inCrew } from "../sources/crew.ts";
import { statusOf } from "./path-status.ts";
import type { Conflict } from "./store-conflict.ts";
import { isStoresOwn } from "./store-layout.ts";

/** An artifact that is to be put into a store. */
export interface Addition {
  /** Makes the folder, or fills it while it is empty, with the artifact's files, verified; says what they are. */
  readonly fill: (folder: string) => Promise<Provenance>;
  /** The text of the graph that its provenance names; undefined where nobody has it. */
  readonly graph?: string | undefined;
  /** What is to make room for it. */
  readonly replacing?: readonly Conflict[];
}

/** An addition whose files are there. */
export interface Filled extends Pick<Addition, "graph" | "replacing"> {
  readonly provenance: Provenance;
  /** Folder of its files in the change. */
  readonly part: string;
}

/** How many additions are filled at a time: as many as wait for the cluster, or for the disk, without harm. */
const FILLED_AT_A_TIME = 16;

/** Fills a folder for each, several at a time. */
export async function fillAll(
  additions: readonly Addition[],
  folderOf: (part: string) => string,
): Promise<Filled[]> {
  const numbered = additions.map((addition, number) => ({ ...addition, part: String(number) }));
  return await inCrew(FILLED_AT_A_TIME, numbered, async ({ fill, ...rest }) => {
    const folder = folderOf(rest.part);
    const provenance = await fill(folder);
    refuseUnsafe(provenance);
    refuseIncomplete(folder, provenance);
    return { ...rest, provenance };
  });
}

/** Throws `refused` when a file would leave the store, or stand where the store keeps its own. */
function refuseUnsafe({ package: { name, version }, files }: Provenance): void {
  for (const { path } of files) {
    const problem = isStoresOwn(path) ? "is where a store keeps its own files" : pathProblem(path);
    if (problem === undefined) continue;
    throw new MillraceError("refused", `the file ${JSON.stringify(path)} of ${name} ${version} ${problem}`, {
      fix: "Have the package's script give it another name.",
    });
  }
}

/** What is put must be there before it counts: after the commit nothing can be asked for again. */
function refuseIncomplete(folder: string, { files }: Provenance): void {
  for (const file of files) {
    const status = statusOf(join(folder, file.path));
    const isThere = file.type === "link" ? status?.isSymbolicLink() : status?.isFile();
    if (isThere === true && (file.type === "link" || status?.size === file.size)) continue;
    throw new MillraceError("corrupt", `the file ${file.path} of the artifact is not as its provenance says`);
  }
}
