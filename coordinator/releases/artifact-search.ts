/** Finds artifacts of packages in the release stores and the staged runs. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Pairs } from "../../shared/model/job-spec.ts";
import type { PackageVersion, Provenance } from "../../shared/model/provenance.ts";
import { digestOfText } from "./content-digest.ts";
import type { PackageStore } from "./package-store.ts";

/** What an artifact must be of, and made like; what is left out does not matter. */
export interface ArtifactQuestion extends PackageVersion {
  /** Text of the script. */
  readonly script?: string | undefined;
  readonly image?: string | undefined;
  /** Variables that it had, maybe among others. */
  readonly environment: Pairs;
}

export interface FoundArtifact extends PackageVersion {
  /** Undefined of a file that was put there by others, and is named as butido's conventions want it. */
  readonly provenance: Provenance | undefined;
  /** All of its files, absolute. */
  readonly paths: readonly string[];
  /** When it was released, or made. */
  readonly at: string;
}

/** The artifacts of a store that answer a question, whole ones only. */
export async function searchStore(store: PackageStore, question: ArtifactQuestion): Promise<FoundArtifact[]> {
  const found: FoundArtifact[] = [];
  for (const provenance of store.artifacts()) {
    if (!answers(provenance, question) || store.missing(provenance).length > 0) continue;
    found.push({
      ...provenance.package,
      provenance,
      paths: provenance.files.map(({ path }) => join(store.root, path)),
      at: provenance.release?.at ?? provenance.made.endedAt ?? "",
    });
  }
  if (found.length > 0 || question.script !== undefined || question.image !== undefined) return found;
  return await conventional(store, question);
}

/** Whether an artifact is what is asked for. */
export function answers({ package: owner, ...made }: Provenance, question: ArtifactQuestion): boolean {
  if (owner.name !== question.name || owner.version !== question.version) return false;
  if (question.image !== undefined && made.image !== question.image) return false;
  if (question.script !== undefined && made.script.sha256 !== digestOfText(question.script)) return false;
  const environment = new Map(made.environment);
  return question.environment.every(([variable, value]) => environment.get(variable) === value);
}

/** A file `<name>-<version>.pkg` that nothing is known of: a release of butido's. */
async function conventional(
  store: PackageStore,
  { name, version, environment }: ArtifactQuestion,
): Promise<FoundArtifact[]> {
  if (environment.length > 0) return [];
  const path = join(store.root, `${name}-${version}.pkg`);
  const status = await lstat(path).catch(() => undefined);
  if (status?.isFile() !== true) return [];
  return [{ name, version, provenance: undefined, paths: [path], at: status.mtime.toISOString() }];
}
