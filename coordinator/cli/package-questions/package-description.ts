/** What `find-pkg` shows of a package. Pure. */
import {
  type Dependency,
  dependencyKinds,
  type Package,
  packageTitle,
} from "../../readers/packages/package.ts";

/** The parts that are asked for, beside the title. */
export interface ShownParts {
  readonly sources: boolean;
  readonly dependencies: boolean;
  readonly dependencyType?: "build" | "runtime" | undefined;
  readonly patches: boolean;
  readonly environment: boolean;
  readonly allowedImages: boolean;
  readonly deniedImages: boolean;
  readonly phases: boolean;
  /** The rendered script. */
  readonly script?: string | undefined;
  readonly lineNumbers: boolean;
}

/** A package as a title and its parts, indented. */
export function descriptionLines(item: Package, parts: ShownParts): string[] {
  const lines = [packageTitle(item)];
  const add = (isShown: boolean, title: string, values: readonly string[]): void => {
    if (!isShown) return;
    lines.push(`  ${title}:${values.length === 0 ? " none" : ""}`, ...values.map((value) => `    ${value}`));
  };
  add(
    parts.sources,
    "sources",
    item.sources.map(({ id, url, hash, downloadManually }) => {
      const manual = downloadManually ? ", to be downloaded by hand" : "";
      return `${id} = ${url} (${hash.type} ${hash.hash}${manual})`;
    }),
  );
  for (const kind of dependencyKinds) {
    const isShown = parts.dependencies && (parts.dependencyType ?? kind) === kind;
    add(isShown, `${kind} dependencies`, item.dependencies[kind].map(dependencyWords));
  }
  add(parts.patches, "patches", item.patches);
  add(
    parts.environment,
    "environment",
    (item.environment ?? []).map(([name, value]) => `${name}=${value}`),
  );
  add(parts.allowedImages, "allowed images", item.allowedImages ?? ["all that are not denied"]);
  add(parts.deniedImages, "denied images", item.deniedImages ?? []);
  add(parts.phases, "phases", [...item.phases.keys()]);
  if (parts.script === undefined) return lines;
  return [...lines, "  script:", ...numbered(parts.script, parts.lineNumbers)];
}

/** A dependency with its condition: `zlib =1.3 if DEBUG is set`. */
export function dependencyWords({ text, condition }: Dependency): string {
  if (condition === undefined) return text;
  const { hasEnv = [], envEquals = new Map<string, string>(), inImage } = condition;
  const words = [hasEnv].flat().map((name) => `${name} is set`);
  for (const [name, value] of envEquals) words.push(`${name} is ${JSON.stringify(value)}`);
  if (inImage !== undefined) words.push(`in ${[inImage].flat().join(" or ")}`);
  return words.length === 0 ? text : `${text} if ${words.join(" and ")}`;
}

function numbered(script: string, withNumbers: boolean): string[] {
  const lines = script.replace(/\n$/, "").split("\n");
  const width = String(lines.length).length;
  return lines.map((line, index) =>
    withNumbers ? `    ${String(index + 1).padStart(width)} | ${line}`.trimEnd() : `    ${line}`.trimEnd(),
  );
}
