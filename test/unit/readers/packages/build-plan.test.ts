import { describe, expect, test } from "vitest";
import { affectedPackages } from "../../../../coordinator/readers/packages/affected-packages.ts";
import { givenEnvironment } from "../../../../coordinator/readers/packages/build-environment.ts";
import { type BuildRequest, planBuild } from "../../../../coordinator/readers/packages/build-plan.ts";
import { buildableIn } from "../../../../coordinator/readers/packages/buildable-packages.ts";
import { packageTitle } from "../../../../coordinator/readers/packages/package.ts";
import { PackageIndex } from "../../../../coordinator/readers/packages/package-index.ts";
import type { PackageRepository } from "../../../../coordinator/readers/packages/repository.ts";
import { formatProblem } from "../../../../coordinator/readers/source-text.ts";
import { repositoryOf } from "../../../support/package-repository.ts";

const request: BuildRequest = { roots: [], images: ["debian:bullseye"], env: [], facts: [] };

async function planned(repository: PackageRepository, root: string, changes: Partial<BuildRequest> = {}) {
  const index = new PackageIndex(repository.packages);
  return await planBuild(repository, index, { ...request, roots: index.versions(root), ...changes });
}

describe("the plan of a build", () => {
  test("has a job for each package, version and image", async () => {
    const repository = await repositoryOf({
      "a/pkg.toml": `name = "a"
version = "1"
environment = { DEBUG = "own" }
[dependencies]
build = ["b =1"]
runtime = [{ name = "c =1", condition = { in_image = "debian:12" } }]`,
      "b/pkg.toml": 'name = "b"\nversion = "1"',
      "c/pkg.toml": 'name = "c"\nversion = "1"',
    });
    const planning = await planned(repository, "a", {
      images: ["debian:bullseye", "debian:12"],
      env: [["DEBUG", "given"]],
      facts: [["COMMIT", "abc"]],
    });
    if (!planning.ok) throw new Error(planning.problems.map(formatProblem).join("\n"));
    expect(planning.jobs.map(({ name, image, needs }) => ({ name, image, needs: needs.toSorted() }))).toEqual(
      [
        { name: "b 1 (debian:bullseye)", image: "debian:bullseye", needs: [] },
        { name: "a 1 (debian:bullseye)", image: "debian:bullseye", needs: ["b 1 (debian:bullseye)"] },
        expect.objectContaining({ needs: [] }),
        expect.objectContaining({ needs: [] }),
        { name: "a 1 (debian:12)", image: "debian:12", needs: ["b 1 (debian:12)", "c 1 (debian:12)"] },
      ],
    );
    const [b, a] = planning.jobs;
    expect(a!.script).toContain("touch /outputs/a-1.pkg");
    expect(b!.env).toEqual([
      ["DEBUG", "given"],
      ["COMMIT", "abc"],
    ]);
    expect(a!.env).toContainEqual(["DEBUG", "own"]);
  });

  test("names no image where there is none", async () => {
    const repository = await repositoryOf({ "a/pkg.toml": 'name = "a"\nversion = "1"' });
    const planning = await planned(repository, "a", { images: [undefined] });
    expect(planning.ok && planning.jobs.map(({ name }) => name)).toEqual(["a 1"]);
  });

  test("is refused with all that is wrong, each told once and in its place", async () => {
    const repository = await repositoryOf({
      "pkg.toml": "patches = []\n[phases]\nbuild.script = '''\n  echo {{this.meta.gone}}\n'''\n",
      "a/pkg.toml":
        'name = "a"\nversion = "1"\n[dependencies]\nruntime = ["b =1", "c =1"]\n[meta]\ngone = "here"\n',
      "b/pkg.toml": 'name = "b"\nversion = "1"\nenvironment.DEBUGG = "1"\nmeta.gone = "here"\n',
      "c/pkg.toml": 'name = "c"\nversion = "1"\ndenied_images = ["debian:bullseye"]\n',
    });
    const planning = await planned(repository, "a", { images: ["debian:bullseye", "debian:12"] });
    expect(planning.ok ? [] : planning.problems.map(formatProblem).sort()).toEqual([
      'b/pkg.toml:3:22: the variable DEBUGG is not in containers.allowed_env of the configuration; did you mean "DEBUG"?',
      "c/pkg.toml:3:17: c 1 can't be built in debian:bullseye: its denied_images have debian:bullseye",
      'pkg.toml:4:10: phase "build": c 1: this.meta.gone is not there',
    ]);
    const lost = await repositoryOf({
      "a/pkg.toml": 'name = "a"\nversion = "1"\n[dependencies]\nruntime = [\n  "b =1",\n]\n',
    });
    const broken = await planned(lost, "a");
    expect(broken.ok ? [] : broken.problems.map(formatProblem)).toEqual([
      'a/pkg.toml:5:3: a 1 needs b 1, which is no package; did you mean "a"?',
    ]);
  });
});

describe("what a change affects", () => {
  const files = {
    "lib/pkg.toml": 'name = "lib"\npatches = ["fix.patch"]',
    "lib/1/pkg.toml": 'version = "1"',
    "lib/2/pkg.toml": 'version = "2"\npatches = []\nphases.build.path = "build.sh"',
    "lib/2/build.sh": "",
    "lib/fix.patch": "",
    "app/pkg.toml": 'name = "app"\nversion = "1"\n[dependencies]\nruntime = ["lib =1"]',
    "top/pkg.toml": 'name = "top"\nversion = "1"\n[dependencies]\nbuild = ["app =1"]',
    "other/pkg.toml": 'name = "other"\nversion = "1"',
  };

  test.each([
    [["lib/pkg.toml"], ["app 1", "lib 1", "lib 2", "top 1"]],
    [["lib/2/pkg.toml"], ["lib 2"]],
    [["lib/fix.patch"], ["app 1", "lib 1", "top 1"]],
    [["lib/2/build.sh"], ["lib 2"]],
    [["lib/3/pkg.toml", "README.md"], []],
    [["pkg.toml"], ["app 1", "lib 1", "lib 2", "other 1", "top 1"]],
    [["config.toml"], ["app 1", "lib 1", "lib 2", "other 1", "top 1"]],
    [
      ["other/pkg.toml", "app/pkg.toml"],
      ["app 1", "other 1", "top 1"],
    ],
  ])("by %j is %j", async (changed, titles) => {
    const { packages } = await repositoryOf(files);
    const affected = affectedPackages(packages, new PackageIndex(packages), changed);
    expect(affected.map(packageTitle)).toEqual(titles);
  });
});

describe("the packages that may be built in an image", () => {
  test("are those that neither deny it nor need one that does", async () => {
    const { packages } = await repositoryOf({
      "a/pkg.toml": 'name = "a"\nversion = "1"\n[dependencies]\nruntime = ["b =1"]',
      "b/pkg.toml": 'name = "b"\nversion = "1"\nallowed_images = ["x"]',
      "c/pkg.toml": `name = "c"\nversion = "1"
[dependencies]
runtime = [{ name = "b =1", condition = { in_image = "x" } }]`,
    });
    const index = new PackageIndex(packages);
    const titles = (image: string): string[] =>
      [...buildableIn(packages, index, { image, env: [] })].map(packageTitle);
    expect(titles("x")).toEqual(["a 1", "b 1", "c 1"]);
    expect(titles("y")).toEqual(["c 1"]);
  });
});

describe("variables that users give", () => {
  test("keep all that follows the first =, and may be passed on by name", () => {
    const around = { HERE: "x=y", EMPTY: "" };
    expect(givenEnvironment(["A=b=c", "HERE", "EMPTY", "A=2", "B="], around)).toEqual({
      pairs: [
        ["A", "2"],
        ["HERE", "x=y"],
        ["EMPTY", ""],
        ["B", ""],
      ],
      mistakes: [],
    });
    expect(givenEnvironment(["GONE", "1A=x", "=x", "A=\0"], {}).mistakes).toEqual([
      "the variable GONE is not set here",
      '"1A=x" must be NAME=VALUE, or the NAME of a variable that is set',
      '"=x" must be NAME=VALUE, or the NAME of a variable that is set',
      "the value of A must be text without NUL characters",
    ]);
  });
});
