/**
 * Inputs that lie side by side, in layers that jobs share: folders with the files of some artifacts as links to the cache,
 * so that neither bytes nor inodes are made for them, and a layer itself is made once for all jobs that have it. A job sees
 * its layers, one over the other, through an overlay of its own: what it writes or removes there is its own, too.
 *
 * A layer is being made, then whole and never changed. Whoever wants it is its user until he lets go of it, which he does
 * when nothing of his job is left; one that nobody wants any more while it is being made is not made to its end. It holds
 * its artifacts in the cache, as their links take up the disk as long as it is there.
 *
 * Invariants: (1) a layer that has a user is not removed. (2) no more than MAX_UNUSED others are kept, and none while the
 * cache is over its limit. (3) the layers of one job agree: no two have something else under one path. (4) jobs that an
 * earlier process of the agent has left keep theirs until they are let go of.
 */
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { JobFiles } from "../../shared/model/job-spec.ts";
import { type Coverable, coverWithLayers } from "../core/layer-cover.ts";
import { FlatFolder } from "./flat-folder.ts";
import { Listings } from "./folder-listing.ts";
import { makeOpenFolder, removeTree } from "./folder-tree.ts";
import { unlessGivenUp } from "./given-up.ts";
import type { HeldArtifact, InputCache } from "./input-cache.ts";
import { withOrigin } from "./origin.ts";

/** An artifact that a job is to see. */
export interface WantedArtifact {
  readonly digest: string;
  readonly folder: JobFiles["folder"];
  /** Other jobs want it, too. */
  readonly isShared: boolean;
  /** Says for people whose it is. */
  readonly origin: string;
}

/** Layers in use, by their names in the folder of layers, the uppermost first; a name begins with the folder that is in it. */
export interface HeldLayers {
  readonly names: readonly string[];
  release(): Promise<void>;
}

interface Layer extends Coverable {
  readonly key: string;
  readonly name: string;
  readonly folder: WantedArtifact["folder"];
  /** Rejects when it can't be made. */
  readonly made: Promise<FlatFolder>;
  readonly making: AbortController;
  isWhole: boolean;
  users: number;
  readonly artifacts: HeldArtifact[];
  /** Those that it was compared with. */
  readonly agrees: WeakSet<Layer>;
}

const MAX_UNUSED = 1000;

export class InputLayers {
  readonly path: string;
  readonly #cache: InputCache;
  readonly #listings = new Listings();
  /** By what is in them, the least recently used first. */
  readonly #layers = new Map<string, Layer>();
  /** Names of layers of an earlier process, with the number of their users. */
  readonly #inherited = new Map<string, number>();
  #unused = 0;
  #lastNumber: number;

  private constructor(path: string, cache: InputCache, lastNumber: number) {
    this.path = path;
    this.#cache = cache;
    this.#lastNumber = lastNumber;
  }

  /** Removes what is there but for layers of these names, which are in use. */
  static async open(path: string, cache: InputCache, used: readonly string[] = []): Promise<InputLayers> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const found = readdirSync(path);
    for (const name of found) if (!used.includes(name)) await removeTree(join(path, name));
    const numbers = found.map((name) => Number(/\d+$/.exec(name)?.[0] ?? 0));
    return new InputLayers(path, cache, Math.max(0, ...numbers));
  }

  /** Takes layers with all of these, the first ones uppermost. Rejects as soon as the signal comes. */
  async take(wanted: readonly WantedArtifact[], signal: AbortSignal): Promise<HeldLayers> {
    const layers = this.#layersFor(wanted);
    const leave = () => this.#leave(layers);
    try {
      const folders = await Promise.all(layers.map(({ made }) => unlessGivenUp(made, signal)));
      await refuseClashes(layers, folders, signal);
    } catch (error) {
      await leave();
      throw error;
    }
    return { names: layers.map(({ name }) => name), release: once(leave) };
  }

  /** Layers of a job that an earlier process has left. */
  inherit(names: readonly string[]): HeldLayers {
    const users = (name: string): number => this.#inherited.get(name) ?? 0;
    for (const name of names) this.#inherited.set(name, users(name) + 1);
    const leave = async (): Promise<void> => {
      for (const name of names) {
        this.#inherited.set(name, users(name) - 1);
        if (users(name) === 0) await removeTree(join(this.path, name));
      }
    };
    return { names, release: once(leave) };
  }

  /** Removes all that no job uses, and what the cache has of it. */
  async evict(): Promise<void> {
    await this.#shrink(0);
    await this.#cache.evict();
  }

  /** Removes all but what is in use: jobs that go on find it, and a successor of the agent removes it. */
  async close(): Promise<void> {
    for (const { making, isWhole } of this.#layers.values()) if (!isWhole) making.abort();
    await Promise.allSettled([...this.#layers.values()].map(({ made }) => made));
    await this.#shrink(0);
    if (readdirSync(this.path).length === 0) await removeTree(this.path);
  }

  /** What only this job wants has layers of its own: one with it would be none for others. */
  #layersFor(wanted: readonly WantedArtifact[]): Layer[] {
    const shared = partOf("inputs", wanted, true);
    const candidates = [...this.#layers.values()].filter(({ folder }) => folder === "inputs");
    candidates.sort((a, b) => b.digests.length - a.digests.length);
    const { taken, rest } = coverWithLayers([...shared.artifacts.keys()], candidates);
    for (const { digests } of taken) for (const digest of digests) shared.artifacts.delete(digest);
    const own = (["inputs", "patches"] as const).map((folder) => partOf(folder, wanted, false));
    const parts = [
      ...(rest.length > 0 ? [shared] : []),
      ...own.filter(({ artifacts }) => artifacts.size > 0),
    ];
    return [...parts.map((part) => this.#layerOf(part)), ...taken].map((layer) => this.#use(layer));
  }

  #layerOf(part: Part): Layer {
    const key = keyOf(part);
    return this.#layers.get(key) ?? this.#begin(key, part);
  }

  #use(layer: Layer): Layer {
    const { key } = layer;
    if (layer.users === 0 && layer.isWhole) this.#unused -= 1;
    layer.users += 1;
    this.#layers.delete(key);
    this.#layers.set(key, layer);
    return layer;
  }

  async #leave(layers: readonly Layer[]): Promise<void> {
    for (const layer of layers) {
      layer.users -= 1;
      if (layer.users > 0) continue;
      if (layer.isWhole) this.#unused += 1;
      else this.#giveUp(layer);
    }
    await this.#shrink(MAX_UNUSED);
  }

  #giveUp(layer: Layer): void {
    if (this.#layers.get(layer.key) === layer) this.#layers.delete(layer.key);
    layer.making.abort();
  }

  #begin(key: string, part: Part): Layer {
    this.#lastNumber += 1;
    const name = `${part.folder}-${this.#lastNumber}`;
    const [making, artifacts]: [AbortController, HeldArtifact[]] = [new AbortController(), []];
    const made = this.#make(name, part, artifacts, making.signal);
    const layer: Layer = {
      key,
      name,
      folder: part.folder,
      digests: [...part.artifacts.keys()],
      made,
      making,
      isWhole: false,
      users: 0,
      artifacts,
      agrees: new WeakSet(),
    };
    made.then(
      () => {
        layer.isWhole = true;
      },
      // The next user tries again; this one hears of it by its own await.
      () => this.#giveUp(layer),
    );
    return layer;
  }

  async #make(name: string, part: Part, held: HeldArtifact[], signal: AbortSignal): Promise<FlatFolder> {
    const path = join(this.path, name);
    setMaxListeners(part.artifacts.size + 1, signal);
    try {
      makeOpenFolder(path);
      makeOpenFolder(join(path, part.folder));
      const flat = new FlatFolder(join(path, part.folder), "links");
      const artifacts = [...part.artifacts.values()];
      const found = artifacts.map(({ digest }) => this.#cache.hold(digest, signal));
      for (const one of await Promise.allSettled(found)) if (one.status === "fulfilled") held.push(one.value);
      for (const [at, artifact] of artifacts.entries())
        await withOrigin(artifact.origin, this.#link(flat, found[at]!, artifact, signal));
      signal.throwIfAborted();
      return flat;
    } catch (error) {
      for (const { release } of held) release();
      await removeTree(path);
      throw error;
    }
  }

  async #link(
    flat: FlatFolder,
    found: Promise<HeldArtifact>,
    { digest, origin }: WantedArtifact,
    signal: AbortSignal,
  ): Promise<void> {
    const { folder } = await found;
    await flat.add(folder, await this.#listings.of(digest, folder), origin, signal);
  }

  async #shrink(unused: number): Promise<void> {
    for (const layer of this.#layers.values()) {
      if (this.#unused === 0 || (this.#unused <= unused && !this.#cache.isOver)) break;
      if (layer.users > 0 || !layer.isWhole) continue;
      this.#layers.delete(layer.key);
      this.#unused -= 1;
      for (const { release } of layer.artifacts) release();
      await removeTree(join(this.path, layer.name));
      await this.#cache.shrink();
    }
  }
}

/** What becomes one layer: artifacts by their digests. */
interface Part {
  readonly folder: WantedArtifact["folder"];
  readonly artifacts: Map<string, WantedArtifact>;
}

/** An artifact that comes by two ways is there once. */
function partOf(folder: Part["folder"], wanted: readonly WantedArtifact[], isShared: boolean): Part {
  const artifacts = new Map<string, WantedArtifact>();
  for (const one of wanted)
    if (one.folder === folder && one.isShared === isShared && !artifacts.has(one.digest))
      artifacts.set(one.digest, one);
  return { folder, artifacts };
}

function keyOf({ folder, artifacts }: Part): string {
  const key = createHash("sha256").update(folder);
  for (const digest of artifacts.keys()) key.update(digest);
  return key.digest("hex");
}

async function refuseClashes(
  layers: readonly Layer[],
  folders: readonly FlatFolder[],
  signal: AbortSignal,
): Promise<void> {
  for (const [at, layer] of layers.entries()) {
    for (const [before, other] of layers.slice(0, at).entries()) {
      if (layer.folder !== other.folder || layer.agrees.has(other)) continue;
      await folders[before]!.agreeWith(folders[at]!, signal);
      layer.agrees.add(other);
      other.agrees.add(layer);
    }
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= action();
    return done;
  };
}
