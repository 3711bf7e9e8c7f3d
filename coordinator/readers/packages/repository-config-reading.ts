/** Reads the configuration of a repository: its own file, the user's, then variables. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { asMillraceError } from "../../../shared/model/error.ts";
import { type Problem, problemAtOffset } from "../source-text.ts";
import type { SourceMap } from "../source-tree.ts";
import { type ConfigLayer, readConfigLayer } from "./config-layer.ts";
import { type ConfigProblem, completeConfig, configVariables, mergeConfigLayers } from "./config-layers.ts";
import type { RepositoryPlace } from "./package-places.ts";
import type { RepositoryConfig } from "./repository-config.ts";
import { readTomlFile } from "./toml-file.ts";
import { nodeAt, readTomlPlaces } from "./toml-places.ts";
import { scalarNode } from "./toml-tree.ts";

/** The name of a repository's configuration. */
export const CONFIG_FILE = "config.toml";

export type ConfigReading =
  | { readonly ok: true; readonly config: RepositoryConfig }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Merges all layers; every mistake in any of them is told. */
export async function readRepositoryConfig(
  { root, shownRoot }: RepositoryPlace,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ConfigReading> {
  const own = join(shownRoot, CONFIG_FILE);
  const problems: Problem[] = [];
  const layers: ConfigLayer[] = [];
  const user = userConfigFile(environment);
  const files = [
    [own, await readFile(join(root, CONFIG_FILE)).catch(unreadable(own))] as const,
    [user, await readFile(user).catch(absent(user))] as const,
  ];
  for (const [file, bytes] of files) {
    if (bytes === undefined) continue;
    const reading = readTomlFile(file, bytes, readConfigLayer);
    if (reading.ok) layers.push(reading.value);
    else problems.push(...reading.problems);
  }
  const { values, notes } = configVariables(environment);
  for (const [key, text] of values) {
    const report = (_: number, message: string): void => {
      problems.push(variableProblem(key, message));
    };
    const layer = readConfigLayer(variableTree(key, text), report);
    if (layer !== undefined) layers.push(layer);
  }
  if (problems.length > 0) return { ok: false, problems };
  const completion = completeConfig(mergeConfigLayers(layers), root);
  if (!completion.ok) {
    return { ok: false, problems: completion.problems.map((problem) => placed(problem, files, values)) };
  }
  return { ok: true, config: { ...completion.config, notes: [...completion.config.notes, ...notes] } };
}

/** In the layer that counts: a variable, else the last file that has the value, else the repository's own. */
function placed(
  { path, message }: ConfigProblem,
  files: readonly (readonly [file: string, bytes: Uint8Array | undefined])[],
  variables: ReadonlyMap<string, string>,
): Problem {
  const [key = ""] = path;
  if (variables.has(String(key))) return variableProblem(String(key), message);
  for (const [file, bytes] of path.length === 0 ? [] : files.toReversed()) {
    const text = Buffer.from(bytes ?? []).toString("utf8");
    const node = nodeAt(readTomlPlaces(text) ?? scalarNode(0, ""), path);
    if (node !== undefined) return problemAtOffset(file, text, node.start, message);
  }
  return { file: files[0]![0], line: 1, col: 1, message };
}

function variableProblem(key: string, message: string): Problem {
  return { file: `$BUTIDO_${key.toUpperCase()}`, line: 1, col: 1, message };
}

function userConfigFile({ XDG_CONFIG_HOME, HOME }: Readonly<Record<string, string | undefined>>): string {
  return join(XDG_CONFIG_HOME || join(HOME || homedir(), ".config"), "butido", CONFIG_FILE);
}

function unreadable(file: string): (error: unknown) => never {
  return (error) => {
    throw asMillraceError(error, `${file} can't be read`, "badInput");
  };
}

function absent(file: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") unreadable(file)(error);
  };
}

/** A variable is text; what looks like a number or a flag is one where the key wants such. */
function variableTree(key: string, text: string): SourceMap {
  const value = /^(true|false)$/.test(text) ? text === "true" : /^\d{1,15}$/.test(text) ? Number(text) : text;
  return { kind: "map", start: 0, entries: [{ key, keyStart: 0, value: scalarNode(0, value) }] };
}
