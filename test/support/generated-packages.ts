/** Repositories with as many packages as wanted, of shapes that are hard on whoever builds them. */
import { smallConfig, smallRoot } from "./package-repository.ts";

/** Positions of the packages that the one at a position needs in the first place, all before it. */
export type PackageShape = (index: number) => readonly number[];

/** Steps of `width` packages, each needing three of the step before. */
export function inSteps(width: number): PackageShape {
  return (index) => {
    const before = (Math.floor(index / width) - 1) * width;
    if (before < 0) return [];
    return [...new Set([0, 13, 26].map((far) => before + ((index * 7 + far) % width)))];
  };
}

/** Each package needs the one before it. */
export const inChain: PackageShape = (index) => (index === 0 ? [] : [index - 1]);

/**
 * The files of a repository with `count` packages, p0 1 and so on. A package's file has the number of inputs that it saw,
 * which costs no process: for thousands of inputs that would be what is measured.
 */
export function generatedPackages(count: number, needsOf: PackageShape): Record<string, string> {
  const files: Record<string, string> = { "config.toml": smallConfig, "pkg.toml": countingRoot };
  for (let index = 0; index < count; index++) {
    const needs = needsOf(index).map((need) => `"p${need} =1"`);
    files[`p${index}/pkg.toml`] =
      `name = "p${index}"\nversion = "1"\n[dependencies]\nbuild = [${needs.join(", ")}]\n`;
  }
  return files;
}

const countingRoot = smallRoot.replace(
  /build\.script = .*/,
  `build.script = '''
set -- /inputs/*
mkdir /outputs
echo "$#" >/outputs/{{this.name}}-{{this.version}}.pkg
'''`,
);
