/** From all that a package's files say to the package, with what is missing or does not fit told. */
import { isAbsolute, posix } from "node:path";
import type { Pairs } from "../../../shared/model/job-spec.ts";
import type { MergedLayers, NamedPath, PhaseLayer } from "./layer-merge.ts";
import { compareTexts, type Dependency, type Package, type PackageSource } from "./package.ts";
import type { DependencyEntry, SourceLayer } from "./package-layer.ts";

/** A mistake in a package, with the keys that lead to the value it is in. */
export interface PackageProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** It is what the package lacks, so its own file is the place, not one above that it shares with others. */
  readonly isLack?: boolean;
}

/** A package whose phases may still lie in files. */
export interface PackageDraft extends Omit<Package, "phases"> {
  readonly phases: MergedLayers["phases"];
}

export type Completion =
  | { readonly ok: true; readonly draft: PackageDraft }
  | { readonly ok: false; readonly problems: readonly PackageProblem[] };

/** Makes the package of a folder. */
export function completePackage(merged: MergedLayers, folder: string): Completion {
  const problems: PackageProblem[] = [];
  const report = (path: PackageProblem["path"], message: string): undefined => {
    problems.push({ path, message });
  };
  const lack: ReportLack = (path, key) => {
    const message = `missing key ${JSON.stringify(key)}: neither this file nor one in a folder above has it`;
    problems.push({ path, message, isLack: true });
  };
  const name = merged.name ?? lack([], "name");
  // What is written as a constraint is the version it is equal to.
  const version = merged.version?.replace(/^=+/, "") ?? lack([], "version");
  for (const [key, value] of [["name", name] as const, ["version", version] as const]) {
    if (value !== undefined) checkWord(key, value, report);
  }
  const sources = [...merged.sources]
    .map(([id, layer]) => sourceOf(id, layer, report, lack))
    .filter((source) => source !== undefined)
    .sort((left, right) => compareTexts(left.id, right.id));
  const patches = (merged.patches ?? []).map((patch, index) => {
    const path = pathBelowRoot(patch);
    return path ?? report(["patches", index], `${JSON.stringify(patch.path)} does not lie in the repository`);
  });
  for (const [variable, value] of merged.environment ?? []) checkVariable(variable, value, report);
  if (name === undefined || version === undefined || problems.length > 0) return { ok: false, problems };
  const draft: PackageDraft = {
    name,
    version,
    versionIsSemver: merged.versionIsSemver ?? false,
    sources,
    dependencies: {
      build: (merged.dependencies.build ?? []).map(dependencyOf),
      runtime: (merged.dependencies.runtime ?? []).map(dependencyOf),
    },
    patches: patches.filter((patch) => patch !== undefined),
    environment: pairsOf(merged.environment),
    allowedImages: merged.allowedImages,
    deniedImages: merged.deniedImages,
    phases: merged.phases,
    phaseFiles: [...merged.phases.values()].flatMap(fileOf),
    meta: pairsOf(merged.meta),
    folder,
  };
  return { ok: true, draft };
}

/** Where a named path leads, relative to the root; undefined when that is not below it. */
export function pathBelowRoot({ path, folder }: NamedPath): string | undefined {
  if (path === "" || path.includes("\0") || isAbsolute(path)) return undefined;
  const normal = posix.join(folder, path);
  return normal === "." || normal === ".." || normal.startsWith("../") ? undefined : normal;
}

function fileOf(phase: PhaseLayer): string[] {
  const path = "file" in phase ? pathBelowRoot(phase.file) : undefined;
  return path === undefined ? [] : [path];
}

type ReportProblem = (path: PackageProblem["path"], message: string) => undefined;
type ReportLack = (path: PackageProblem["path"], key: string) => undefined;

/** Names and versions are parts of paths and of jobs' names. */
function checkWord(key: string, value: string, report: ReportProblem): void {
  if (value === "") report([key], `${key}: must not be empty`);
  else if (/[/\s\p{Cc}]/u.test(value)) {
    report([key], `${key}: must not contain /, spaces or control characters`);
  }
}

/** What no process can be given. */
function checkVariable(name: string, value: string, report: ReportProblem): void {
  if (name === "" || /[=\0]/.test(name)) {
    report(["environment", name], `environment: ${JSON.stringify(name)} is no name of a variable`);
  } else if (value.includes("\0")) {
    report(["environment", name], `environment: the variable ${name} must not contain a NUL byte`);
  }
}

function sourceOf(
  id: string,
  layer: SourceLayer,
  report: ReportProblem,
  lack: ReportLack,
): PackageSource | undefined {
  const at = ["sources", id];
  const { url, hash, download_manually: downloadManually = false } = layer;
  const key = `sources.${id}`;
  if (id === "" || /[/\p{Cc}]/u.test(id)) {
    return report(at, `sources: the name ${JSON.stringify(id)} must not be empty nor contain /`);
  }
  if (url === undefined) return lack(at, `${key}.url`);
  if (hash?.type === undefined) return lack(at, `${key}.hash.type`);
  if (hash.hash === undefined) return lack(at, `${key}.hash.hash`);
  return {
    id,
    url: new URL(url).href,
    hash: { type: hash.type, hash: hash.hash },
    downloadManually,
  };
}

function dependencyOf(entry: DependencyEntry): Dependency {
  if (typeof entry === "string") return { text: entry, condition: undefined };
  const { name: text, condition } = entry;
  if (condition === undefined) return { text, condition };
  const { has_env, env_eq, in_image } = condition;
  return {
    text,
    condition: {
      ...(has_env === undefined ? {} : { hasEnv: has_env }),
      ...(env_eq === undefined ? {} : { envEquals: env_eq }),
      ...(in_image === undefined ? {} : { inImage: in_image }),
    },
  };
}

/** In the order of the keys, which is the order in which scripts see them. */
function pairsOf(map: ReadonlyMap<string, string> | undefined): Pairs | undefined {
  return map && [...map].sort(([left], [right]) => compareTexts(left, right));
}
