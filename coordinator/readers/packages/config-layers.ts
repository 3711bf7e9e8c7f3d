/** Merges the layers of a configuration, later ones over earlier ones, and says what they leave out. */
import { resolve } from "node:path";
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import { type ConfigLayer, configKeys } from "./config-layer.ts";
import type { ImageName, RepositoryConfig } from "./repository-config.ts";

/** The version of the format that is known here, as butido counts them. */
const COMPATIBILITY = "1";

export type ConfigCompletion =
  | { readonly ok: true; readonly config: RepositoryConfig }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** What is wrong with the whole, and the value that shows it; without a path something is missing. */
export interface ConfigProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Tables key by key, anything else as a whole. */
export function mergeConfigLayers(layers: readonly ConfigLayer[]): ConfigLayer {
  const merged: ConfigLayer = {};
  for (const layer of layers) {
    const { docker, containers } = merged;
    Object.assign(merged, layer);
    if (docker !== undefined) {
      merged.docker = { ...docker, ...layer.docker };
      const endpoints = [docker.endpoints, layer.docker?.endpoints];
      merged.docker.endpoints = new Map(endpoints.flatMap((map) => (map === undefined ? [] : [...map])));
    }
    if (containers !== undefined) merged.containers = { ...containers, ...layer.containers };
  }
  return merged;
}

/** The variables `BUTIDO_<KEY>` as a layer's keys and texts, and those that name no key. */
export function configVariables(environment: Readonly<Record<string, string | undefined>>): {
  readonly values: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
} {
  const values = new Map<string, string>();
  const notes: string[] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith("BUTIDO_") || value === undefined) continue;
    const key = variable.slice("BUTIDO_".length).toLowerCase();
    if (configKeys.includes(key)) values.set(key, value);
    else notes.push(`${variable} names no key of the configuration${didYouMean(key, configKeys)}`);
  }
  return { values, notes };
}

/** Checks what must be there and fills in what butido has by default. Paths are relative to the root. */
export function completeConfig(layer: ConfigLayer, root: string): ConfigCompletion {
  const problems: ConfigProblem[] = [];
  if (layer.compatibility === undefined) problems.push({ path: [], message: 'missing key "compatibility"' });
  else if (layer.compatibility !== COMPATIBILITY) {
    const message = `compatibility: must be ${COMPATIBILITY}, the version of the format that is known here; found ${layer.compatibility}`;
    problems.push({ path: ["compatibility"], message });
  }
  if (layer.available_phases === undefined)
    problems.push({ path: [], message: 'missing key "available_phases"' });
  const images = layer.docker?.images?.map(
    ({ name, short_name }): ImageName => ({ name, shortName: short_name }),
  );
  problems.push(...repeatedNames(images ?? []));
  if (problems.length > 0) return { ok: false, problems };
  const folder = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(root, path);
  const { containers = {} } = layer;
  const config: RepositoryConfig = {
    availablePhases: layer.available_phases ?? [],
    shebang: layer.shebang ?? "#!/bin/bash",
    strictScripts: layer.strict_script_interpolation ?? true,
    scriptLinter: layer.script_linter,
    buildErrorLines: layer.build_error_lines ?? 10,
    images,
    allowedEnv: containers.check_env_names === true ? (containers.allowed_env ?? []) : undefined,
    gitAuthorVariable: containers.git_author,
    gitCommitVariable: containers.git_commit_hash,
    releaseStores: layer.release_stores ?? [],
    folders: {
      staging: folder(layer.staging),
      releasesRoot: folder(layer.releases_root),
      sourceCache: folder(layer.source_cache),
      logDir: folder(layer.log_dir),
    },
    notes: unusedKeys(layer),
  };
  return { ok: true, config };
}

/** Each name, long or short, must stand for one image. */
function repeatedNames(images: readonly ImageName[]): ConfigProblem[] {
  const seen = new Set<string>();
  return images.flatMap(({ name, shortName }, index) =>
    [
      { key: "name", value: name },
      { key: "short_name", value: shortName },
    ].flatMap(({ key, value }): ConfigProblem[] => {
      if (value === undefined || seen.size < seen.add(value).size) return [];
      const message = `docker.images: the name ${JSON.stringify(value)} is there twice`;
      return [{ path: ["docker", "images", index, key], message }];
    }),
  );
}

/** What belongs to a database and to hosts that butido talks to itself. */
function unusedKeys({ docker, ...layer }: ConfigLayer): string[] {
  const notes: string[] = [];
  const database = Object.keys(layer).filter((key) => key.startsWith("database_"));
  if (database.length > 0) {
    notes.push(`${database.join(", ")}: not used; the history of runs is in the cluster`);
  }
  if ((docker?.endpoints?.size ?? 0) > 0) {
    notes.push("docker.endpoints: not used; jobs run on the agents of the cluster");
  }
  return notes;
}
