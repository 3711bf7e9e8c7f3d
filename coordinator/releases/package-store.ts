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
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { folderName } from "../../shared/model/name.ts";
import { type Provenance, provenanceSchema } from "../../shared/model/provenance.ts";
import { foldersAbove } from "../../shared/store/safe-path.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import { type Addition, type Filled, fillAll } from "./addition.ts";
import { NewPaths, PathClaims } from "./path-claims.ts";
import { statusOf } from "./path-status.ts";
import { finishChanges, PreparedChange, type StoreChange } from "./store-change.ts";
import { type Conflict, conflictError } from "./store-conflict.ts";
import { graphPath, PACKAGES, pathsOf, provenancePath, type WhoseArtifact } from "./store-layout.ts";

export class PackageStore {
  readonly root: string;
  readonly #durable: boolean;
  /** Artifacts by the path of their provenance. */
  readonly #artifacts = new Map<string, Provenance>();
  readonly #claims = new PathClaims();
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
  find(artifact: WhoseArtifact): Provenance | undefined {
    return this.#artifacts.get(provenancePath(artifact));
  }

  /** Where the provenance of an artifact lies. */
  provenanceFile(artifact: WhoseArtifact): string {
    return join(this.root, provenancePath(artifact));
  }

  /** The text of the graph that a provenance names; undefined where there is none. */
  async graphOf({ graph }: Provenance): Promise<string | undefined> {
    if (graph === null) return undefined;
    return await readFile(join(this.root, graphPath(graph)), "utf8").catch(() => undefined);
  }

  /** The paths of an artifact that are not there. */
  missing({ files }: Provenance): string[] {
    return files.flatMap(({ path }) => (this.#has(path) ? [] : [path]));
  }

  /** What stands in the way of an artifact's files, other than the same artifact. */
  conflicts(provenance: Provenance): Conflict[] {
    return provenance.files.flatMap(({ path }) => this.#conflictAt(path, provenance) ?? []);
  }

  /** Puts an artifact there whole. Several may be asked for at once: they are filled at the same time. */
  async put(addition: Addition): Promise<void> {
    await this.putAll([addition]);
  }

  /** Puts artifacts there, all of them or none. Throws `conflict` when there is something in the way of one. */
  async putAll(additions: readonly Addition[]): Promise<Provenance[]> {
    return await this.#change(additions, (error) => {
      throw error;
    });
  }

  /**
   * Puts those artifacts there that nothing is in the way of, all of them or none; of two with a path in common the first
   * one. Gives those that have come, and a `conflict` for each other one.
   */
  async putFree(
    additions: readonly Addition[],
  ): Promise<{ readonly put: readonly Provenance[]; readonly conflicts: readonly MillraceError[] }> {
    const conflicts: MillraceError[] = [];
    const put = await this.#change(additions, (error) => conflicts.push(error));
    return { put, conflicts };
  }

  async #change(
    additions: readonly Addition[],
    onConflict: (error: MillraceError) => void,
  ): Promise<Provenance[]> {
    const change = new PreparedChange(this.root, this.#durable);
    await change.begin();
    try {
      const filled = await fillAll(additions, (part) => change.placeOf(part));
      return await this.#inTurn(() => this.#putFilled(filled, change, onConflict));
    } finally {
      await change.discard();
    }
  }

  async #putFilled(
    filled: readonly Filled[],
    change: PreparedChange,
    onConflict: (error: MillraceError) => void,
  ): Promise<Provenance[]> {
    const taken = await this.#withoutConflicts(filled, onConflict);
    if (taken.length === 0) return [];
    const put: StoreChange["put"] = await this.#newGraphs(taken, change);
    const slice = new TimeSlice();
    for (const { provenance, part } of taken) {
      const record = `${part}.json`;
      await change.write(record, `${JSON.stringify(provenance, null, 2)}\n`);
      for (const { path } of provenance.files) put.push([`${part}/${path}`, path]);
      put.push([record, provenancePath(provenance)]);
      if (slice.isOver) await slice.rest();
    }
    const olds = new Set(taken.flatMap(({ replacing = [] }) => replacing.flatMap(ownersOf)));
    const kept = new Set(put.map(([, path]) => path));
    for (const { provenance } of taken) if (provenance.graph !== null) kept.add(graphPath(provenance.graph));
    const gone = [...[...olds].flatMap(pathsOf), ...this.#graphsOnlyOf([...olds])];
    await change.commit({ put, remove: gone.filter((old) => !kept.has(old)) });
    await change.apply();
    for (const old of olds) this.#forget(old);
    for (const { provenance } of taken) this.#remember(provenance);
    return taken.map(({ provenance }) => provenance);
  }

  /** Those that nothing is in the way of, neither here nor among themselves. */
  async #withoutConflicts(
    filled: readonly Filled[],
    onConflict: (error: MillraceError) => void,
  ): Promise<Filled[]> {
    const coming = new NewPaths();
    const slice = new TimeSlice();
    const taken: Filled[] = [];
    for (const addition of filled) {
      const { provenance, replacing = [] } = addition;
      const replaced = new Set(replacing.map(({ path }) => path));
      const isInTheWay = ({ kind, path }: Conflict): boolean => kind === "blocked" || !replaced.has(path);
      const inTheWay = [...this.conflicts(provenance).filter(isInTheWay), ...coming.conflictsOf(provenance)];
      if (inTheWay.length > 0) {
        onConflict(conflictError(provenance.package, this.root, inTheWay));
      } else {
        coming.claim(provenance);
        taken.push(addition);
      }
      if (slice.isOver) await slice.rest();
    }
    return taken;
  }

  /** Writes the graphs that are not there yet; gives where they go. */
  async #newGraphs(additions: readonly Filled[], change: PreparedChange): Promise<StoreChange["put"]> {
    const written = new Map<string, string>();
    for (const { provenance, graph } of additions) {
      if (provenance.graph === null || graph === undefined) continue;
      const path = graphPath(provenance.graph);
      if (written.has(path) || this.#has(path)) continue;
      const name = `graph-${written.size}.json`;
      await change.write(name, graph);
      written.set(path, name);
    }
    return Array.from(written, ([path, name]) => [name, path]);
  }

  /** The graphs that nobody names once these are gone. */
  #graphsOnlyOf(olds: readonly Provenance[]): string[] {
    const graphs = new Set(olds.flatMap(({ graph }) => graph ?? []));
    if (graphs.size === 0) return [];
    const gone = new Set(olds.map(provenancePath));
    for (const [path, { graph }] of this.#artifacts)
      if (graph !== null && !gone.has(path)) graphs.delete(graph);
    return [...graphs].map(graphPath);
  }

  /** One change at a time: two of one path must not pass each other. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work);
    // A failure is told to who asked; the next one comes in any case.
    this.#lastTurn = turn.then(
      () => {},
      () => {},
    );
    return await turn;
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

  #conflictAt(path: string, provenance: Provenance): Conflict | undefined {
    const conflict = this.#claims.conflictAt(path, provenance);
    if (conflict !== undefined) return conflict;
    for (const folder of foldersAbove(path)) {
      const status = statusOf(join(this.root, folder));
      if (status === undefined) return undefined;
      if (!status.isDirectory()) return { kind: "blocked", path: folder };
    }
    const status = statusOf(join(this.root, path));
    if (status === undefined || (this.#claims.has(path) && !status.isDirectory())) return undefined;
    return { kind: status.isDirectory() ? "blocked" : "stranger", path };
  }

  #has(path: string): boolean {
    return statusOf(join(this.root, path)) !== undefined;
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
    this.#artifacts.set(provenancePath(provenance), provenance);
    this.#claims.claim(provenance);
  }

  #forget(provenance: Provenance): void {
    this.#artifacts.delete(provenancePath(provenance));
    this.#claims.release(provenance);
  }
}

/** The artifact that gives way. */
function ownersOf(conflict: Conflict): Provenance[] {
  return conflict.kind === "owned" ? [conflict.owner] : [];
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw new MillraceError("badInput", `${folder} can't be read: ${error.message}`, { cause: error });
  });
}
