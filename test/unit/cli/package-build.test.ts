import { access, chmod, lstat, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildName } from "../../../coordinator/cli/package-build/build-name.ts";
import {
  buildImages,
  namedPackages,
  refuseUnclearTargets,
} from "../../../coordinator/cli/package-build/build-targets.ts";
import { packageGraphSpec } from "../../../coordinator/cli/package-build/package-graph-spec.ts";
import { withPlainPatches } from "../../../coordinator/cli/package-build/plain-patches.ts";
import { lintScripts, phaseFindings } from "../../../coordinator/cli/package-build/script-linting.ts";
import { planBuild } from "../../../coordinator/readers/packages/build-plan.ts";
import { packageTitle } from "../../../coordinator/readers/packages/package.ts";
import { PackageIndex } from "../../../coordinator/readers/packages/package-index.ts";
import { graphSpecSchema } from "../../../shared/model/job-spec.ts";
import { repositoryOf } from "../../support/package-repository.ts";

describe("what the words of a build mean", () => {
  test("is a package, or its versions after it", async () => {
    const { packages } = await repositoryOf({
      "a/pkg.toml": 'name = "a"\nversion = "1"',
      "s/1/pkg.toml": 'name = "s"\nversion = "1.0"',
      "s/2/pkg.toml": 'name = "s"\nversion = "2b"',
      "7zip/pkg.toml": 'name = "7zip"\nversion = "9"',
      "v/pkg.toml": 'name = "v"\nversion = "beta"',
    });
    const index = new PackageIndex(packages);
    const titles = (...words: string[]): string[] => namedPackages(index, words).map(packageTitle);
    expect(titles("a")).toEqual(["a 1"]);
    expect(titles("a", "1", "s", "1.0", "=2b", "7zip", "v", "beta")).toEqual([
      "a 1",
      "s 1.0",
      "s 2b",
      "7zip 9",
      "v beta",
    ]);
    expect(titles("a", "a", "1")).toEqual(["a 1"]);
    expect(() => titles("s")).toThrow("s has 2 versions: 1.0, 2b");
    expect(() => titles("s", "3")).toThrow("there is no s 3");
    expect(() => titles("a", "b")).toThrow('there is no package "b"');
  });

  test("is said in one way alone", () => {
    const none = { packages: [], all: false };
    expect(() => refuseUnclearTargets(none)).toThrow("nothing says what to build");
    expect(() => refuseUnclearTargets({ ...none, all: true, affectedBy: "x" })).toThrow("more than one way");
    expect(() => refuseUnclearTargets({ ...none, packages: ["a"] })).not.toThrow();
  });

  test("is the only image where none is named", () => {
    const image = (name: string, shortName?: string) => ({ name, shortName });
    expect(buildImages({ images: [image("debian:12", "deb12")] }, [])).toEqual(["debian:12"]);
    expect(buildImages({ images: undefined }, [])).toEqual([undefined]);
    const two = { images: [image("debian:12", "deb12"), image("debian:11")] };
    expect(buildImages(two, ["deb12", "debian:12", "debian:11"])).toEqual(["debian:12", "debian:11"]);
    expect(() => buildImages(two, [])).toThrow("nothing says on which image to build");
  });
});

describe("the name of a build", () => {
  test("tells the packages that nothing else of it needs, or one of them and how many others there are", async () => {
    const files = Array.from({ length: 60 }, (_, index): [string, string] => {
      const needs = index === 0 ? "" : '\n[dependencies]\nbuild = ["p0 =1"]';
      return [`p${index}/pkg.toml`, `name = "p${index}"\nversion = "1"${needs}`];
    });
    const { packages } = await repositoryOf(Object.fromEntries(files));
    const jobs = packages.map((item) => ({
      name: packageTitle(item),
      package: item,
      needs: item.name === "p0" ? [] : ["p0 1"],
    }));
    expect(buildName(jobs.slice(0, 3))).toBe("p1 1, p10 1");
    expect(buildName(jobs)).toBe("p1 1 and 58 more");
  });
});

describe("the graph of a build", () => {
  const settings = {
    name: "build a 1",
    root: "",
    sourceCache: "",
    verify: true,
    verdict: "both" as const,
    onHost: false,
  };

  test("names sources and patches by the digest they are stored under", async () => {
    const repository = await repositoryOf({
      "a/pkg.toml": `name = "a"
version = "1"
patches = ["odd (1).patch"]
[dependencies]
runtime = ["b =1"]
[sources.src]
url = "https://example.com"
hash = { type = "sha1", hash = "11f6ad8ec52a2984abaafd7c3b516503785c2072" }`,
      "a/odd (1).patch": "",
      "b/pkg.toml": 'name = "b"\nversion = "1"',
    });
    const sourceCache = join(repository.root, "cache");
    await mkdir(join(sourceCache, "a-1"), { recursive: true });
    await writeFile(join(sourceCache, "a-1/src.source"), "x");
    const uploads: (readonly string[])[] = [];
    const client = {
      uploadSources: async (root: string, globs: readonly string[]) => {
        uploads.push([root, ...globs]);
        return { digest: String(uploads.length).repeat(64), files: 1, bytes: 1 };
      },
    };
    const index = new PackageIndex(repository.packages);
    const request = { roots: index.versions("a"), images: ["debian:bullseye"], env: [], facts: [] };
    const planning = await planBuild(repository, index, request);
    if (!planning.ok) throw new Error("this build can be planned");
    const { root } = repository;
    const stop = new AbortController().signal;
    const graph = await packageGraphSpec(client, planning.jobs, { ...settings, root, sourceCache }, stop);
    expect(uploads).toEqual([
      [join(sourceCache, "a-1"), "src.source"],
      [root, "a/odd \\(1\\).patch"],
    ]);
    expect(graph.jobs[1]).toEqual({
      name: "a 1 (debian:bullseye)",
      needs: [{ job: "b 1 (debian:bullseye)", transitive: true }],
      run: { program: expect.stringMatching(/^#!\/bin\/bash\n/) },
      image: "debian:bullseye",
      layout: "package",
      files: [
        { digest: "1".repeat(64), folder: "inputs" },
        { digest: "2".repeat(64), folder: "patches" },
      ],
      marks: { verdict: "both" },
      env: [],
      outputs: ["**"],
      reuse: true,
    });
    expect(graphSpecSchema.safeParse(graph).error).toBeUndefined();
    const onHost = await packageGraphSpec(
      client,
      planning.jobs,
      { ...settings, root, sourceCache, onHost: true },
      stop,
    );
    expect(onHost.jobs.map(({ name, image }) => [name, image])).toEqual([
      ["b 1 (debian:bullseye)", undefined],
      ["a 1 (debian:bullseye)", undefined],
    ]);
  });

  test("is refused where a source is not the one that its package names", async () => {
    const repository = await repositoryOf({
      "a/pkg.toml": `name = "a"
version = "1"
[sources.src]
url = "https://example.com"
hash = { type = "sha1", hash = "00" }`,
    });
    const sourceCache = join(repository.root, "cache");
    await mkdir(join(sourceCache, "a-1"), { recursive: true });
    await writeFile(join(sourceCache, "a-1/src.source"), "x");
    const index = new PackageIndex(repository.packages);
    const planning = await planBuild(repository, index, {
      roots: repository.packages,
      images: [undefined],
      env: [],
      facts: [],
    });
    if (!planning.ok) throw new Error("this build can be planned");
    const client = { uploadSources: async () => ({ digest: "0".repeat(64), files: 1, bytes: 1 }) };
    const spec = (verify: boolean) =>
      packageGraphSpec(
        client,
        planning.jobs,
        { ...settings, sourceCache, verify },
        new AbortController().signal,
      );
    await expect(spec(true)).rejects.toThrow(
      "source a 1 src has the sha1 11f6ad8ec52a2984abaafd7c3b516503785c2072",
    );
    expect((await spec(false)).jobs).toHaveLength(1);
  });
});

describe("patches", () => {
  test("that are links reach jobs as the files that they lead to", async () => {
    const { root } = await repositoryOf({ "a/one.patch": "one", "b/two.patch": "two" });
    await symlink("../a/one.patch", join(root, "b/one.patch"));
    await symlink("/etc/hostname", join(root, "b/out.patch"));
    const contents = async (folder: string): Promise<string> => {
      const files = ["b/one.patch", "b/two.patch"].map(async (file) => {
        expect((await lstat(join(folder, file))).isFile()).toBe(true);
        return await readFile(join(folder, file), "utf8");
      });
      return (await Promise.all(files)).join();
    };
    let copies = "";
    const seen = await withPlainPatches(root, ["b/one.patch", "b/two.patch"], (folder) => {
      copies = folder;
      return contents(folder);
    });
    expect(seen).toBe("one,two");
    await expect(access(copies)).rejects.toThrow("ENOENT");
    expect(await withPlainPatches(root, ["b/two.patch"], async (folder) => folder)).toBe(root);
    await expect(withPlainPatches(root, ["b/out.patch"], contents)).rejects.toThrow(
      "leads out of the repository",
    );
  });
});

describe("the linter", () => {
  test("gets each script, and its words are told where it does not accept one", async () => {
    const { packages, root } = await repositoryOf({
      "a/pkg.toml": 'name = "a"\nversion = "1"',
      "b/pkg.toml": 'name = "b"\nversion = "1"\nphases.extra.script = "x"',
      "lint.sh": '#!/bin/sh\nif grep bad; then echo "no good" >&2; exit 3; fi\n',
    });
    await chmod(join(root, "lint.sh"), 0o755);
    const [good, bad] = packages;
    const scripts = [
      { package: good!, script: "fine" },
      { package: bad!, script: "one bad word" },
    ];
    expect(await lintScripts(root, "lint.sh", scripts)).toEqual([
      { package: bad, text: "one bad word\nno good" },
    ]);
    await expect(lintScripts(root, "no-such-linter", scripts)).rejects.toThrow(
      'there is no linter "no-such-linter"',
    );
    expect(phaseFindings(bad!, ["check", "build"])).toEqual([
      'b 1 has no script for the phase "check"',
      'b 1 has the phase "extra", which available_phases do not have',
    ]);
  });
});
