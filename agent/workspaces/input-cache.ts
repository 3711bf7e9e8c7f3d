/**
 * Artifacts that jobs of this agent need. An attempt gets a copy of its own (a reflink where the file system has them): a
 * job that runs as root could write through a hard link, and what one job does to its inputs must not reach another's.
 * Making files is dear, so an attempt that is the only one to have asked for an artifact gets what was fetched; when
 * another one asks for it later it is fetched once more, and stays.
 *
 * An artifact is being fetched, then whole. Whoever wants it is its user until he has it, or gives up. One that is
 * still being fetched when its last user gives up is not fetched to its end.
 *
 * Invariants: (1) one fetch at a time per digest that somebody wants, and few of all, as each reads ahead. (2) what is
 * being copied is not removed. (3) the total stays under the limit, but for what is in use. (4) what is under its
 * digest's name is whole: it was verified before it is renamed to that, and is renamed again before it is removed.
 */
import { renameSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isDiskFull } from "../core/host-trouble.ts";
import { Demand } from "./demand.ts";
import { firstNumber } from "./first-number.ts";
import { copyTree, removeTree } from "./folder-tree.ts";
import { unlessGivenUp } from "./given-up.ts";

/** Where artifacts come from. */
export interface ArtifactSource {
  /** Makes `folder` the artifact's content, its files read-only, and says how much that is. */
  download(
    digest: string,
    folder: string,
    options: { readonly signal: AbortSignal; readonly isReadOnly: true },
  ): Promise<{ readonly bytes: number }>;
}

/** An artifact that stays in the cache until it is released. */
export interface HeldArtifact {
  /** Must not be changed. */
  readonly folder: string;
  release(): void;
}

interface Entry {
  readonly folder: Promise<string>;
  readonly fetching: AbortController;
  /** Undefined until it is whole. */
  bytes: number | undefined;
  users: number;
  /** Of those who fetch ahead. */
  waiting: number;
}

const DEFAULT_LIMIT_BYTES = 4 * 2 ** 30;
const MAX_FETCHES = 16;

export class InputCache {
  readonly #root: string;
  readonly #source: ArtifactSource;
  readonly #limitBytes: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #demand = new Demand();
  #totalBytes = 0;
  #names = firstNumber();
  #fetches = 0;
  /** Fetches that wait for their turn. */
  readonly #turns: (() => void)[] = [];

  private constructor(root: string, source: ArtifactSource, limitBytes: number) {
    this.#root = root;
    this.#source = source;
    this.#limitBytes = limitBytes;
  }

  /** An empty cache; what an earlier process had in the folder is removed, it may not be whole. */
  static async open(
    root: string,
    source: ArtifactSource,
    limitBytes = DEFAULT_LIMIT_BYTES,
  ): Promise<InputCache> {
    await removeTree(root);
    await mkdir(root, { recursive: true, mode: 0o700 });
    return new InputCache(root, source, limitBytes);
  }

  /**
   * Copies an artifact to a folder that does not exist yet; on a full disk again, once nothing unused is kept. Rejects
   * as soon as the signal comes, or when the file that is just being copied is.
   */
  async copyTo(digest: string, folder: string, signal: AbortSignal): Promise<void> {
    await this.#fill(folder, () => this.#copyTo(digest, folder, signal));
  }

  /** Does the same for an attempt, and keeps nothing of the artifact where no other one has asked for it. */
  async giveTo(digest: string, folder: string, attempt: string, signal: AbortSignal): Promise<void> {
    this.#demand.note(digest, attempt);
    await this.#fill(folder, () =>
      this.#read(digest, signal, async (cached) => {
        if (this.#demand.isOnly(digest, attempt) && this.#moveTo(digest, folder)) return;
        await copyTree(cached, folder, signal);
      }),
    );
  }

  /** An attempt will ask for it; says whether it need not be fetched. */
  expect(digest: string, attempt: string): boolean {
    this.#demand.note(digest, attempt);
    return this.#entries.get(digest)?.bytes !== undefined;
  }

  /** Fetches ahead, until the signal. A failure is not told here: the copy that needs it tries again and says it. */
  async prefetch(digest: string, signal: AbortSignal): Promise<void> {
    const entry = this.#touch(digest);
    entry.waiting += 1;
    await Promise.allSettled([unlessGivenUp(entry.folder, signal)]);
    entry.waiting -= 1;
    this.#endUnwanted(digest, entry);
  }

  /** Removes all that nobody uses at the moment. */
  async evict(): Promise<void> {
    await this.#shrink(0);
  }

  /** Removes what nobody uses, the least recently used first, until the total is under the limit. */
  async shrink(): Promise<void> {
    await this.#shrink(this.#limitBytes);
  }

  /** Whether the total is over the limit, as too much is in use. */
  get isOver(): boolean {
    return this.#totalBytes > this.#limitBytes;
  }

  /** Ends what is being fetched, and removes everything. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    for (const { fetching } of entries) fetching.abort();
    await Promise.allSettled(entries.map(({ folder }) => folder));
    await removeTree(this.#root);
  }

  /** Fetches an artifact and keeps it until it is released, once. */
  async hold(digest: string, signal: AbortSignal): Promise<HeldArtifact> {
    this.#demand.note(digest, null);
    return await this.#hold(digest, signal);
  }

  async #hold(digest: string, signal: AbortSignal): Promise<HeldArtifact> {
    const entry = this.#use(digest);
    const release = () => this.#leave(digest, entry);
    try {
      return { folder: await unlessGivenUp(entry.folder, signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Lets a reader have an artifact; what it is given must not be changed, and not be kept. */
  async read(digest: string, signal: AbortSignal, reader: (folder: string) => Promise<void>): Promise<void> {
    this.#demand.note(digest, null);
    await this.#read(digest, signal, reader);
  }

  async #read(digest: string, signal: AbortSignal, reader: (folder: string) => Promise<void>): Promise<void> {
    const { folder, release } = await this.#hold(digest, signal);
    try {
      await reader(folder);
    } finally {
      release();
    }
    await this.shrink();
  }

  #copyTo(digest: string, folder: string, signal: AbortSignal): Promise<void> {
    return this.read(digest, signal, (cached) => copyTree(cached, folder, signal));
  }

  async #fill(folder: string, fill: () => Promise<void>): Promise<void> {
    try {
      await fill();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await removeTree(folder);
      await this.evict();
      await fill();
    }
  }

  /** Takes an artifact out of the cache; says whether that was possible, as nobody else uses it. */
  #moveTo(digest: string, folder: string): boolean {
    const entry = this.#entries.get(digest);
    if (entry?.users !== 1 || entry.bytes === undefined) return false;
    try {
      renameSync(join(this.#root, digest), folder);
    } catch {
      // On another file system, for example.
      return false;
    }
    this.#entries.delete(digest);
    this.#totalBytes -= entry.bytes;
    return true;
  }

  #touch(digest: string): Entry {
    const entry = this.#entries.get(digest) ?? this.#begin(digest);
    this.#entries.delete(digest);
    this.#entries.set(digest, entry);
    return entry;
  }

  #use(digest: string): Entry {
    const entry = this.#touch(digest);
    entry.users += 1;
    return entry;
  }

  #leave(digest: string, entry: Entry): void {
    entry.users -= 1;
    this.#endUnwanted(digest, entry);
  }

  #endUnwanted(digest: string, entry: Entry): void {
    if (entry.users + entry.waiting > 0 || entry.bytes !== undefined) return;
    this.#forget(digest, entry);
    entry.fetching.abort();
  }

  #begin(digest: string): Entry {
    const fetching = new AbortController();
    const folder = this.#fetchInTurn(digest, fetching.signal, (bytes) => {
      entry.bytes = bytes;
      this.#totalBytes += bytes;
    });
    const entry: Entry = { folder, fetching, bytes: undefined, users: 0, waiting: 0 };
    // The next user tries again; this one hears of it by its own await.
    folder.catch(() => this.#forget(digest, entry));
    return entry;
  }

  #forget(digest: string, entry: Entry): void {
    if (this.#entries.get(digest) === entry) this.#entries.delete(digest);
  }

  async #fetchInTurn(digest: string, signal: AbortSignal, onWhole: (bytes: number) => void): Promise<string> {
    if (this.#fetches < MAX_FETCHES) this.#fetches += 1;
    else await new Promise<void>((resolve) => this.#turns.push(resolve));
    try {
      return await this.#fetch(digest, signal, onWhole);
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#fetches -= 1;
      else next();
    }
  }

  async #fetch(digest: string, signal: AbortSignal, onWhole: (bytes: number) => void): Promise<string> {
    const draft = this.#nameFor("fetching");
    try {
      signal.throwIfAborted();
      const { bytes } = await this.#source.download(digest, draft, { signal, isReadOnly: true });
      // Given up meanwhile: somebody else may be fetching it anew.
      signal.throwIfAborted();
      const folder = join(this.#root, digest);
      renameSync(draft, folder);
      onWhole(bytes);
      return folder;
    } catch (error) {
      await removeTree(draft);
      throw error;
    }
  }

  async #shrink(limitBytes: number): Promise<void> {
    for (const [digest, entry] of this.#entries) {
      if (this.#totalBytes <= limitBytes) return;
      if (entry.users > 0 || entry.bytes === undefined) continue;
      this.#entries.delete(digest);
      this.#totalBytes -= entry.bytes;
      // At once: whoever wants it from now on fetches it anew, under the same name.
      const doomed = this.#nameFor("evicted");
      renameSync(join(this.#root, digest), doomed);
      await removeTree(doomed);
    }
  }

  #nameFor(what: "fetching" | "evicted"): string {
    this.#names += 1;
    return join(this.#root, `${what}-${this.#names}`);
  }
}
