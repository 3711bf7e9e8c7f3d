/**
 * Artifacts as two objects each: `artifact/<digest>`, a tar of the files, and `manifest/<digest>`, what is in it. The
 * tar is enough to verify and unpack; the manifest is for those who want to see what there is.
 */
import { createHash } from "node:crypto";
import { MillraceError } from "../model/error.ts";
import type { Artifact } from "../model/outcome.ts";
import { collectOutputs } from "./collect.ts";
import {
  encodeManifest,
  type Manifest,
  type ManifestEntry,
  makeManifest,
  manifestDigest,
  parseManifest,
  summarize,
} from "./manifest.ts";
import type { ObjectOptions, Objects } from "./objects.ts";
import { OutputError } from "./output-error.ts";
import { Survey } from "./pack.ts";
import type { KeepingRoom } from "./packed-bytes.ts";
import { withSecondReading } from "./second-reading.ts";
import { tarEntries } from "./tar-entries.ts";
import { unpackFiles } from "./unpack.ts";

export interface DownloadOptions extends ObjectOptions {
  /** Its files are made read-only. */
  readonly isReadOnly?: boolean;
}

const KEPT_BYTES = 48 * 1024 * 1024;

/** Stores and fetches artifacts by the digest of their content. */
export class ArtifactStore {
  readonly #objects: Objects;
  readonly #room: KeepingRoom = { bytes: KEPT_BYTES };

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /**
   * Stores what the patterns match below `root`; null when there are no patterns. An OutputError says that a pattern
   * matches nothing, or something that can't be stored.
   */
  async upload(
    root: string,
    patterns: readonly string[],
    options: ObjectOptions = {},
  ): Promise<Artifact | null> {
    if (patterns.length === 0) return null;
    const survey = await Survey.of(root, await collectOutputs(root, patterns), this.#room);
    try {
      const manifest = manifestOf(survey.entries);
      const bytes = encodeManifest(manifest);
      const digest = manifestDigest(bytes);
      await Promise.all([
        this.#objects.put(`artifact/${digest}`, () => survey.tar(), options),
        this.#objects.put(`manifest/${digest}`, () => [bytes], options),
      ]);
      return summarize(digest, manifest);
    } finally {
      survey.release();
    }
  }

  /**
   * Makes `folder` the artifact's content, verified, whole or not at all; it must not exist, or be empty. Says what there
   * is of it.
   */
  async download(digest: string, folder: string, options: DownloadOptions = {}): Promise<Artifact> {
    return summarize(digest, await this.unpack(digest, folder, options));
  }

  /** The same, and says all that is in it. */
  async unpack(digest: string, folder: string, options: DownloadOptions = {}): Promise<Manifest> {
    return await withSecondReading(() =>
      unpackFiles(digest, this.#objects.get(`artifact/${digest}`, options), folder, options),
    );
  }

  /** What is in an artifact, verified. */
  async manifest(digest: string, options: ObjectOptions = {}): Promise<Manifest> {
    return await withSecondReading(async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of this.#objects.get(`manifest/${digest}`, options)) pieces.push(piece);
      return parseManifest(digest, Buffer.concat(pieces));
    });
  }

  /** The bytes of one file; throws at their end when they are not what the manifest says. */
  async *open(digest: string, path: string, options: ObjectOptions = {}): AsyncGenerator<Uint8Array> {
    const manifest = await this.manifest(digest, options);
    const entry = manifest.entries.find((candidate) => candidate.path === path);
    if (entry?.type !== "file") {
      throw new MillraceError("notFound", `artifact ${digest} has no file ${path}`);
    }
    const sha256 = createHash("sha256");
    for await (const { header, content } of tarEntries(this.#objects.get(`artifact/${digest}`, options))) {
      const isWanted = header.name === path;
      for await (const piece of content) {
        if (!isWanted) continue;
        sha256.update(piece);
        yield piece;
      }
      if (isWanted) break;
    }
    if (sha256.digest("hex") !== entry.sha256) {
      throw new MillraceError("corrupt", `file ${path} of artifact ${digest} is damaged`);
    }
  }
}

function manifestOf(entries: readonly ManifestEntry[]): Manifest {
  try {
    return makeManifest(entries);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    throw new OutputError("badOutput", `the outputs cannot be stored: ${error.message}`, error);
  }
}
