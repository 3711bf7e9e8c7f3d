/**
 * A folder with the artifacts of packages, in butido's layout: their files stand at their own paths, where people and
 * other tools expect them, and what belongs together and how it was made stands below `.millrace/packages`, as
 * `<name>/<version>/<digest>.json`. What was built together shares a record of what needed what, in `.millrace/graphs`. A
 * release store is one, and the staging folder of a run is one.
 *
 * Invariants:
 * 1. An artifact is listed exactly while its provenance is there, which comes last and goes first.
 * 2. A path belongs to one artifact; a file that belongs to none was put there by somebody else and is not replaced
 *    unless that is asked for.
 * 3. A graph is there while an artifact names it, if it came with that one.
 *
 * Only one command at a time may change a store: who calls `put` or `remove` sees to that.
 */
import type { Stats } from "node:fs";
import { lstat, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { folderName } from "../../shared/model/name.ts";
import { type PackageVersion, type Provenance, provenanceSchema } from "../../shared/model/provenance.ts";
import { foldersAbove, pathProblem } from "../../shared/store/safe-path.ts";
import { finishChanges, PreparedChange } from "./store-change.ts";
import { type Conflict, conflictError } from "./store-conflict.ts";

export const STORE_FOLDER = ".millrace";
const PACKAGES = `${STORE_FOLDER}/packages`;
const GRAPHS = `${STORE_FOLDER}/graphs`;

/** An artifact that is to be put into a store. */
export interface Addition {
  readonly provenance: Provenance;
  /** Makes the folder, or adds to it, with the artifact's files in it, and has verified them. */
  readonly fill: (folder: string) => Promise<void>;
  /** The text of the graph that its provenance names; undefined where nobody has it. */
  readonly graph?: string | undefined;
  /** What is to make room for it. */
  readonly replacing?: readonly Conflict[];
}

export class PackageStore {
  readonly root: string;
  readonly #durable: boolean;
  /** Artifacts by the path of their provenance. */
  readonly #artifacts = new Map<string, Provenance>();
  /** Path of the provenance by path of a file. */
  readonly #owners = new Map<string, string>();
  #lastTurn: Promise<void> = Promise.resolve();
  /** Provenances that can't be read, with the reason. */
  readonly unreadable: { readonly path: string; readonly reason: string }[] = [];

  private constructor(root: string, durable: boolean) {
    this.root = root;
    this.#durable = durable;
  }

  /** Reads what is there, or only what is there of the packages of these names; makes nothing. */
  static async read(root: string, only?: Iterable<string>): Promise<PackageStore> {
    return await PackageStore.#readAs(root, true, only);
  }

  static async #readAs(root: string, durable: boolean, only?: Iterable<string>): Promise<PackageStore> {
    const store = new PackageStore(root, durable);
    const wanted = only === undefined ? undefined : new Set(Array.from(only, folderName));
    for (const name of await namesIn(join(root, PACKAGES))) {
      if (wanted?.has(name) === false) continue;
      for (const version of await namesIn(join(root, PACKAGES, name))) {
        for (const file of await namesIn(join(root, PACKAGES, name, version))) {
          if (file.endsWith(".json")) await store.#readProvenance(`${PACKAGES}/${name}/${version}/${file}`);
        }
      }
    }
    return store;
  }

  /**
   * Makes the folder, finishes what a killed command has left undone, and reads what is there. A store that need not be
   * durable is much faster to fill; a power cut may damage what came last.
   */
  static async open(root: string, nowMs: number, { durable = true } = {}): Promise<PackageStore> {
    await mkdir(root, { recursive: true });
    await finishChanges(root, nowMs);
    return await PackageStore.#readAs(root, durable);
  }

  artifacts(): Iterable<Provenance> {
    return this.#artifacts.values();
  }

  /** The same artifact of the same package, if it is there. */
  find({ package: owner, artifact }: Provenance): Provenance | undefined {
    return this.#artifacts.get(provenancePath(owner, artifact.digest));
  }

  /** Where the provenance of an artifact lies. */
  provenanceFile({ package: owner, artifact }: Provenance): string {
    return join(this.root, provenancePath(owner, artifact.digest));
  }

  /** The text of the graph that a provenance names; undefined where there is none. */
  async graphOf({ graph }: Provenance): Promise<string | undefined> {
    if (graph === null) return undefined;
    return await readFile(join(this.root, graphPath(graph)), "utf8").catch(() => undefined);
  }

  /** The paths of an artifact that are not there. */
  async missing(provenance: Provenance): Promise<string[]> {
    const paths = provenance.files.map(({ path }) => path);
    const present = await Promise.all(paths.map((path) => exists(join(this.root, path))));
    return paths.filter((_, index) => !present[index]);
  }

  /** What stands in the way of an artifact's files, other than the same artifact. */
  async conflicts(provenance: Provenance): Promise<Conflict[]> {
    const conflicts: Conflict[] = [];
    for (const { path } of provenance.files) {
      const conflict = await this.#conflictAt(path, this.find(provenance));
      if (conflict !== undefined) conflicts.push(conflict);
    }
    return conflicts;
  }

  /** Puts an artifact there whole. Several may be asked for at once: they are filled at the same time. */
  async put(addition: Addition): Promise<void> {
    await this.putAll([addition]);
  }

  /** Puts artifacts there, all of them or none. Throws `conflict` when there is something in the way of one. */
  async putAll(additions: readonly Addition[]): Promise<void> {
    for (const { provenance } of additions) refuseUnsafe(provenance);
    const change = new PreparedChange(this.root, this.#durable);
    await change.begin();
    try {
      for (const { fill, provenance } of additions) {
        await fill(change.content);
        await refuseIncomplete(change.content, provenance);
      }
      await this.#inTurn(() => this.#putFilled(additions, change));
    } finally {
      await change.discard();
    }
  }

  async #putFilled(additions: readonly Addition[], change: PreparedChange): Promise<void> {
    const olds = new Set<Provenance>();
    const put: string[] = [];
    for (const graph of await this.#newGraphs(additions, change)) put.push(graph);
    for (const { provenance, replacing = [] } of additions) {
      await this.#refuseConflicts(provenance, replacing);
      for (const conflict of replacing) if (conflict.kind === "owned") olds.add(conflict.owner);
      const path = provenancePath(provenance.package, provenance.artifact.digest);
      await change.write(`content/${path}`, `${JSON.stringify(provenance, null, 2)}\n`);
      put.push(...provenance.files.map((file) => file.path), path);
    }
    const kept = new Set(put);
    if (kept.size < put.length)
      throw new MillraceError("internal", "two artifacts to be put have a file of one name");
    const gone = [...[...olds].flatMap(pathsOf), ...this.#graphsOnlyOf([...olds])];
    const named = new Set(additions.flatMap(({ provenance: { graph } }) => graph ?? []).map(graphPath));
    await change.commit({ put, remove: gone.filter((old) => !kept.has(old) && !named.has(old)) });
    await change.apply();
    for (const old of olds) this.#forget(old);
    for (const { provenance } of additions) this.#remember(provenance);
  }

  /** Writes the graphs that are not there yet; gives their paths. */
  async #newGraphs(additions: readonly Addition[], change: PreparedChange): Promise<Set<string>> {
    const written = new Set<string>();
    for (const { provenance, graph } of additions) {
      if (provenance.graph === null || graph === undefined) continue;
      const path = graphPath(provenance.graph);
      if (written.has(path) || (await exists(join(this.root, path)))) continue;
      await change.write(`content/${path}`, graph);
      written.add(path);
    }
    return written;
  }

  /** The graphs that nobody names once these are gone. */
  #graphsOnlyOf(olds: readonly Provenance[]): string[] {
    const graphs = new Set(olds.flatMap(({ graph }) => graph ?? []));
    if (graphs.size === 0) return [];
    const gone = new Set(olds.map(({ package: of, artifact }) => provenancePath(of, artifact.digest)));
    for (const [path, { graph }] of this.#artifacts)
      if (graph !== null && !gone.has(path)) graphs.delete(graph);
    return [...graphs].map(graphPath);
  }

  async #refuseConflicts(provenance: Provenance, replacing: readonly Conflict[]): Promise<void> {
    const replaced = new Set(replacing.map(({ path }) => path));
    const inTheWay = (await this.conflicts(provenance)).filter(
      ({ kind, path }) => kind === "blocked" || !replaced.has(path),
    );
    if (inTheWay.length > 0) throw conflictError(provenance.package, this.root, inTheWay);
  }

  /** One change at a time: two of one path must not pass each other. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work);
    // A failure is told to who asked; the next one comes in any case.
    this.#lastTurn = turn.catch(() => {});
    await turn;
  }

  /** Takes an artifact away whole, those of its files that are there. */
  async remove(provenance: Provenance): Promise<void> {
    const change = new PreparedChange(this.root, this.#durable);
    await change.begin();
    try {
      await this.#inTurn(async () => {
        const remove = [...pathsOf(provenance), ...this.#graphsOnlyOf([provenance])];
        await change.commit({ put: [], remove });
        await change.apply();
        this.#forget(provenance);
      });
    } finally {
      await change.discard();
    }
  }

  async #conflictAt(path: string, same: Provenance | undefined): Promise<Conflict | undefined> {
    for (const folder of foldersAbove(path)) {
      const owner = this.#ownerOf(folder);
      if (owner !== undefined && owner !== same) return { kind: "owned", path: folder, owner };
      const status = await statusOf(join(this.root, folder));
      if (status === undefined) return undefined;
      if (!status.isDirectory()) return { kind: "blocked", path: folder };
    }
    const owner = this.#ownerOf(path);
    if (owner !== undefined) return owner === same ? undefined : { kind: "owned", path, owner };
    const status = await statusOf(join(this.root, path));
    if (status === undefined) return undefined;
    return { kind: status.isDirectory() ? "blocked" : "stranger", path };
  }

  #ownerOf(path: string): Provenance | undefined {
    const owner = this.#owners.get(path);
    return owner === undefined ? undefined : this.#artifacts.get(owner);
  }

  async #readProvenance(path: string): Promise<void> {
    try {
      const text = await readFile(join(this.root, path), "utf8");
      this.#remember(provenanceSchema.parse(JSON.parse(text)));
    } catch (error) {
      this.unreadable.push({ path: join(this.root, path), reason: reasonOf(error) });
    }
  }

  #remember(provenance: Provenance): void {
    const path = provenancePath(provenance.package, provenance.artifact.digest);
    this.#artifacts.set(path, provenance);
    for (const file of provenance.files) this.#owners.set(file.path, path);
  }

  #forget(provenance: Provenance): void {
    this.#artifacts.delete(provenancePath(provenance.package, provenance.artifact.digest));
    for (const file of provenance.files) this.#owners.delete(file.path);
  }
}

function provenancePath({ name, version }: PackageVersion, digest: string): string {
  return `${PACKAGES}/${folderName(name)}/${folderName(version)}/${digest}.json`;
}

function graphPath(digest: string): string {
  return `${GRAPHS}/${digest}.json`;
}

/** All that an artifact has in a store, what lists it first. */
function pathsOf(provenance: Provenance): string[] {
  const { files, artifact } = provenance;
  return [provenancePath(provenance.package, artifact.digest), ...files.map(({ path }) => path)];
}

/** Throws `refused` when a file would leave the store, or stand where the store keeps its own. */
function refuseUnsafe({ package: { name, version }, files }: Provenance): void {
  for (const { path } of files) {
    const isOurs = path === STORE_FOLDER || path.startsWith(`${STORE_FOLDER}/`);
    const problem = isOurs ? "is where a store keeps its own files" : pathProblem(path);
    if (problem === undefined) continue;
    throw new MillraceError("refused", `the file ${JSON.stringify(path)} of ${name} ${version} ${problem}`, {
      fix: "Have the package's script give it another name.",
    });
  }
}

/** What is put must be there before it counts: after the commit nothing can be asked for again. */
async function refuseIncomplete(folder: string, { files }: Provenance): Promise<void> {
  for (const file of files) {
    const status = await statusOf(join(folder, file.path));
    const isThere = file.type === "link" ? status?.isSymbolicLink() : status?.isFile();
    if (isThere === true && (file.type === "link" || status?.size === file.size)) continue;
    throw new MillraceError("corrupt", `the file ${file.path} of the artifact is not as its provenance says`);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await statusOf(path)) !== undefined;
}

async function statusOf(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch(() => undefined);
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw new MillraceError("badInput", `${folder} can't be read: ${error.message}`, { cause: error });
  });
}
