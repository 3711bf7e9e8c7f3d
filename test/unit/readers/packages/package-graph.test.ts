import { describe, expect, test } from "vitest";
import { anySite, type BuildSite } from "../../../../coordinator/readers/packages/dependency.ts";
import { imageNamed, imageObstacle } from "../../../../coordinator/readers/packages/image-names.ts";
import { packageTitle } from "../../../../coordinator/readers/packages/package.ts";
import { type PackageGraph, packageGraph } from "../../../../coordinator/readers/packages/package-graph.ts";
import { PackageIndex } from "../../../../coordinator/readers/packages/package-index.ts";
import { versionConstraint } from "../../../../coordinator/readers/packages/version-constraint.ts";
import { repositoryOf } from "../../../support/package-repository.ts";

/** A repository from lists of dependencies by `name version`. */
async function indexOf(packages: Record<string, string>): Promise<PackageIndex> {
  const files = Object.entries(packages).map(([title, dependencies]) => {
    const [name, version] = title.split(" ");
    return [`${name}-${version}/pkg.toml`, `name = "${name}"\nversion = "${version}"\n${dependencies}`];
  });
  return new PackageIndex((await repositoryOf(Object.fromEntries(files))).packages);
}

function graphOf(index: PackageIndex, root: string, site: BuildSite = anySite): PackageGraph {
  const reading = packageGraph(index, index.versions(root), site);
  if (!reading.ok) throw new Error(reading.mistakes.map(({ message }) => message).join("\n"));
  return reading.graph;
}

function titles({ packages }: PackageGraph): string[] {
  return packages.map(packageTitle);
}

describe("the graph of a package", () => {
  test("has each package once, after all that it needs, of both kinds", async () => {
    const index = await indexOf({
      "a 1": '[dependencies]\nbuild = ["c =1", "b =1"]\nruntime = ["b =1", "c =1", "c =1"]',
      "b 1": '[dependencies]\nruntime = ["d 1"]',
      "c 1": '[dependencies]\nbuild = ["d =1"]',
      "d 1": "",
      "other 1": '[dependencies]\nruntime = ["nothing =1"]',
    });
    const graph = graphOf(index, "a");
    expect(titles(graph)).toHaveLength(4);
    expect(titles(graph)[0]).toBe("d 1");
    expect(titles(graph)[3]).toBe("a 1");
    expect(graph.roots).toEqual([3]);
    const needs = graph.needs[3]!.map(({ index, kinds }) => [titles(graph)[index], kinds]);
    expect(needs).toEqual([
      ["c 1", ["build", "runtime"]],
      ["b 1", ["build", "runtime"]],
    ]);
  });

  test("follows a dependency only where its condition holds", async () => {
    const index = await indexOf({
      "a 1": `[dependencies]
build = [{ name = "env =1", condition = { has_env = ["A", "B"] } }, { name = "env1 =1", condition = { has_env = "A" } }]
runtime = [
  { name = "value =1", condition = { env_eq = { A = "1", B = "2" } } },
  { name = "image =1", condition = { in_image = ["debian:bullseye", "debian:12"] } },
  { name = "both =1", condition = { in_image = "debian:12", has_env = "A" } },
]`,
      "env 1": "",
      "env1 1": "",
      "value 1": "",
      "image 1": "",
      "both 1": "",
    });
    const at = (image: string | undefined, ...env: [string, string][]): string[] =>
      titles(graphOf(index, "a", { image, env })).sort();
    expect(at(undefined)).toEqual(["a 1"]);
    expect(at("debian:12")).toEqual(["a 1", "image 1"]);
    expect(at(undefined, ["A", "1"])).toEqual(["a 1", "env1 1"]);
    expect(at("debian:12", ["A", "1"], ["B", "2"])).toEqual([
      "a 1",
      "both 1",
      "env 1",
      "env1 1",
      "image 1",
      "value 1",
    ]);
    expect(at(undefined, ["A", "1"], ["B", "3"])).toEqual(["a 1", "env 1", "env1 1"]);
  });

  test("is refused with every dependency that leads nowhere", async () => {
    const index = await indexOf({
      "a 1": '[dependencies]\nbuild = ["zlip =1", "zlib =2"]\nruntime = ["zlib >1", "zlib"]',
      "zlib 1": "",
    });
    const reading = packageGraph(index, index.versions("a"), anySite);
    expect(
      reading.ok ? [] : reading.mistakes.map(({ kind, position, message }) => [kind, position, message]),
    ).toEqual([
      ["build", 0, 'a 1 needs zlip 1, which is no package; did you mean "zlib"?'],
      ["build", 1, "a 1 needs zlib 2, which is no package; there is 1"],
      [
        "runtime",
        0,
        '"zlib >1" names no package: ranges of versions are not supported; a dependency is a name and an exact version, such as "zlib =1.3"',
      ],
      [
        "runtime",
        1,
        '"zlib" names no package: a dependency is a name and an exact version, such as "zlib =1.3"',
      ],
    ]);
  });

  test("is refused with the path of a cycle", async () => {
    const index = await indexOf({
      "a 1": '[dependencies]\nruntime = ["b =1"]',
      "b 1": '[dependencies]\nbuild = ["c =1"]',
      "c 1": '[dependencies]\nruntime = ["d =1", "a =1"]',
      "d 1": "",
    });
    const reading = packageGraph(index, index.versions("b"), anySite);
    expect(reading.ok ? [] : reading.mistakes.map(({ message }) => message)).toEqual([
      "packages need each other in a cycle: b 1 -> c 1 -> a 1 -> b 1",
    ]);
  });
});

describe("a version that is asked for", () => {
  test.each([
    ["1.2", "1.2", true],
    ["1.2", "1.2.9", true],
    ["1.2", "1.20", false],
    ["1", "1.2.9", true],
    ["=1.2", "1.2.0", false],
    ["=1.2", "1.2", true],
    ["1.2.3", "1.2.3", true],
    ["1.2", "1.2.3-rc1", false],
    ["1.1.1w", "1.1.1w", true],
    ["1.1.1w", "1.1.1", false],
    ["19.0", "19.0", true],
    ["1.1", "1.1.1w", true],
  ])("%s takes %s: %s", (constraint, version, takes) => {
    expect(versionConstraint(constraint)(version)).toBe(takes);
  });
});

describe("a package that is asked for", () => {
  test("is told the nearest name, and the versions there are", async () => {
    const index = await indexOf({ "zlib 1.2": "", "zlib 1.3": "" });
    expect(() => index.one("zlip")).toThrow('there is no package "zlip"; did you mean "zlib"?');
    expect(() => index.one("zlib", "2")).toThrow("there is no zlib 2");
    expect(() => index.one("zlib")).toThrow("zlib has 2 versions: 1.2, 1.3");
    expect(packageTitle(index.one("zlib", "=1.3"))).toBe("zlib 1.3");
  });
});

describe("an image", () => {
  const config = { images: [{ name: "debian:bullseye", shortName: "deb11" }] };

  test("has a long and a short name, and must be listed where any are", () => {
    expect(imageNamed(config, "deb11")).toBe("debian:bullseye");
    expect(imageNamed(config, "debian:bullseye")).toBe("debian:bullseye");
    expect(() => imageNamed(config, "deb12")).toThrow('has no image "deb12"; did you mean "deb11"?');
    expect(imageNamed({ images: undefined }, "any")).toBe("any");
  });

  test("may be denied, or not among those allowed", () => {
    const none = { allowedImages: undefined, deniedImages: undefined };
    expect(imageObstacle(none, "x")).toBeUndefined();
    expect(imageObstacle({ ...none, allowedImages: [] }, "x")).toBe("its allowed_images do not have x");
    expect(imageObstacle({ allowedImages: ["x"], deniedImages: ["x"] }, "x")).toBe(
      "its denied_images have x",
    );
    expect(imageObstacle({ allowedImages: ["x"], deniedImages: ["y"] }, "x")).toBeUndefined();
  });
});
