/**
 * The staging store: what a run has made, in butido's layout `<staging>/<run>/<path>`. A run that builds on several
 * images makes files of the same names for each, so there each image has a folder: `<staging>/<run>/<image>/<path>`.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactEntry, Client } from "../../shared/client/client.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { folderName } from "../../shared/model/name.ts";
import type { Provenance, StoredFile } from "../../shared/model/provenance.ts";
import { version } from "../../shared/model/version.ts";
import type { Addition } from "./addition.ts";
import { ByteRoom } from "./byte-room.ts";
import { PackageStore } from "./package-store.ts";
import { STORE_FOLDER } from "./store-layout.ts";

/** The folder of a run; `image` where the run builds on several. */
export function stagingFolder(staging: string, run: string, image?: string): string {
  return image === undefined ? join(staging, run) : join(staging, run, folderName(image));
}

/** What a build knows of an artifact; what it consists of is read from the cluster. */
export type Making = Omit<Provenance, "v" | "files" | "release" | "millrace">;

/** What has become of artifacts that were to be staged. */
export interface Staging {
  readonly staged: readonly Provenance[];
  /** Of each that was left out, as a file of another package is in its way. */
  readonly conflicts: readonly MillraceError[];
}

/** Of a large artifact about so much is in memory while it comes: four of them at a time, and many small ones. */
const READ_AHEAD_BYTES = 8 * 1024 * 1024;
const FETCHED_BYTES = 4 * READ_AHEAD_BYTES;

/** Puts artifacts of jobs there, each whole, with the text of the graph that they name; what is there is left alone. */
export async function stageArtifacts(
  store: PackageStore,
  client: Pick<Client, "downloadArtifact">,
  makings: readonly Making[],
  graph: string,
): Promise<Staging> {
  const present = makings.flatMap((making) => wholeIn(store, making) ?? []);
  const absent = makings.filter((making) => wholeIn(store, making) === undefined);
  const room = new ByteRoom(FETCHED_BYTES);
  const additions = absent.map((making): Addition => {
    const { digest, bytes } = making.artifact;
    const fill = async (folder: string): Promise<Provenance> => {
      const entries = await room.within(Math.min(bytes, READ_AHEAD_BYTES), () =>
        client.downloadArtifact({ digest }, folder),
      );
      return { v: 1, ...making, files: entries.flatMap(storedFile), release: null, millrace: version };
    };
    return { fill, graph };
  });
  const { put, conflicts } = additions.length === 0 ? nothing : await store.putFree(additions);
  return { staged: [...present, ...put], conflicts };
}

const nothing = { put: [], conflicts: [] };

/** The artifact, if all of it is there. */
function wholeIn(store: PackageStore, making: Making): Provenance | undefined {
  const there = store.find(making);
  return there === undefined || store.missing(there).length > 0 ? undefined : there;
}

/** Empty folders are left out: a store has files. */
function storedFile({ path, kind, executable, bytes, digest, target }: ArtifactEntry): StoredFile[] {
  if (kind === "link") return [{ type: "link", path, target: target ?? "" }];
  if (kind === "file") return [{ type: "file", path, executable, size: bytes, sha256: digest ?? "" }];
  return [];
}

/** A run that is staged, with one store, or one for each image. */
export interface StagedRun {
  readonly run: string;
  readonly stores: readonly PackageStore[];
}

/** The staged run that a reference means: its id, the start of it, or `last`. Throws `notFound` or `badInput`. */
export async function findStagedRun(staging: string, reference: string): Promise<StagedRun> {
  const runs = await stagedRuns(staging);
  const meant = reference === "last" ? runs.slice(-1) : runs.filter((run) => run.startsWith(reference));
  return await readStagedRun(
    staging,
    runs.includes(reference) ? reference : oneOf(staging, reference, meant),
  );
}

/** Reads the stores of a run, or only what is there of the packages of these names. */
export async function readStagedRun(
  staging: string,
  run: string,
  only?: Iterable<string>,
): Promise<StagedRun> {
  const root = join(staging, run);
  const folders = [root, ...(await foldersIn(root)).map((folder) => join(root, folder))];
  const stores: PackageStore[] = [];
  for (const folder of folders) {
    if (await isStore(folder)) stores.push(await PackageStore.read(folder, only));
  }
  return { run, stores };
}

/** Ids of the staged runs, the one that was staged last at the end; folders of butido's are none. */
export async function stagedRuns(staging: string): Promise<string[]> {
  const found: { readonly run: string; readonly stagedMs: number }[] = [];
  for (const run of (await foldersIn(staging)).sort()) {
    if (!(await isStaged(join(staging, run)))) continue;
    found.push({ run, stagedMs: (await stat(join(staging, run))).mtimeMs });
  }
  return found.sort((left, right) => left.stagedMs - right.stagedMs).map(({ run }) => run);
}

function oneOf(staging: string, reference: string, meant: readonly string[]): string {
  const [first, second] = meant;
  if (first !== undefined && second === undefined) return first;
  if (first === undefined) {
    throw new MillraceError("notFound", `there is no run ${JSON.stringify(reference)} in ${staging}`, {
      fix: "Name a run that `millrace build` has staged there, or another folder with --staging-dir.",
    });
  }
  throw new MillraceError(
    "badInput",
    `${JSON.stringify(reference)} could be ${meant.slice(0, 5).join(", ")}`,
    { fix: "Write more of the run's id." },
  );
}

/** Whether a run has a store, or one for each image. */
async function isStaged(root: string): Promise<boolean> {
  if (await isStore(root)) return true;
  for (const image of await foldersIn(root)) if (await isStore(join(root, image))) return true;
  return false;
}

async function isStore(folder: string): Promise<boolean> {
  return (await foldersIn(folder)).includes(STORE_FOLDER);
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new MillraceError("badInput", `${folder} can't be read: ${error.message}`, { cause: error });
  });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
