/** Artifacts as tooling sees them: by digest, or as that of a job. */
import { MillraceError } from "../model/error.ts";
import type { Artifact } from "../model/outcome.ts";
import type { ArtifactStore } from "../store/artifact-store.ts";
import type { ManifestEntry } from "../store/manifest.ts";
import type { ArtifactEntry, ArtifactSource } from "./client.ts";

/** Finds the artifact of a job; null when it has none. */
export type FindArtifact = (run: string, job: string) => Promise<Artifact | null>;

export class Artifacts {
  readonly #store: ArtifactStore;
  readonly #find: FindArtifact;

  constructor(store: ArtifactStore, find: FindArtifact) {
    this.#store = store;
    this.#find = find;
  }

  async entries(source: ArtifactSource): Promise<ArtifactEntry[]> {
    const manifest = await this.#store.manifest(await this.#digestOf(source));
    return manifest.entries.map(toEntry);
  }

  async download(source: ArtifactSource, folder: string): Promise<ArtifactEntry[]> {
    const manifest = await this.#store.unpack(await this.#digestOf(source), folder);
    return manifest.entries.map(toEntry);
  }

  async *open(source: ArtifactSource, path: string): AsyncIterable<Uint8Array> {
    yield* this.#store.open(await this.#digestOf(source), path);
  }

  async upload(root: string, globs: readonly string[]): Promise<Artifact> {
    const artifact = await this.#store.upload(root, [...globs]);
    if (artifact !== null) return artifact;
    throw new MillraceError("badInput", "no globs say what to upload", { fix: "Name at least one glob." });
  }

  async #digestOf(source: ArtifactSource): Promise<string> {
    if ("digest" in source) return source.digest;
    const artifact = await this.#find(source.run, source.job);
    if (artifact !== null) return artifact.digest;
    throw new MillraceError("notFound", `job ${source.job} of run ${source.run} has no artifact`, {
      fix: "See that the job has outputs and has succeeded.",
    });
  }
}

function toEntry(entry: ManifestEntry): ArtifactEntry {
  const { path, type: kind } = entry;
  switch (entry.type) {
    case "file":
      return {
        path,
        kind,
        bytes: entry.size,
        executable: entry.executable,
        digest: entry.sha256,
        target: null,
      };
    case "link":
      return { path, kind, bytes: 0, executable: false, digest: null, target: entry.target };
    case "folder":
      return { path, kind, bytes: 0, executable: false, digest: null, target: null };
  }
}
