import { execFileSync } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openRepository } from "../../../../coordinator/readers/packages/repository.ts";
import { findRepository } from "../../../../coordinator/readers/packages/repository-search.ts";
import { butidoExamples } from "../../../support/butido-examples.ts";
import {
  repositoryOf,
  smallConfig,
  writeFiles,
  writeRepository,
} from "../../../support/package-repository.ts";

/** What is said of a repository with these files. */
async function mistakesIn(
  files: Record<string, string>,
  environment?: Record<string, string>,
): Promise<string[]> {
  const error = await repositoryOf(files, environment).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  return error?.message.split("\n").slice(1) ?? [];
}

describe("the tree of a repository", () => {
  test("leaves out what has the name of a package's file and is none", async () => {
    const root = await writeRepository({ "a/pkg.toml": 'name = "a"\nversion = "1"', "b/pkg.toml/x": "" });
    await mkdir(join(root, "c"));
    execFileSync("mkfifo", [join(root, "c/pkg.toml")]);
    const { packages } = await openRepository({ root, environment: { XDG_CONFIG_HOME: root } });
    expect(packages.map(({ name }) => name)).toEqual(["a"]);
  });

  test("has a package for each file without another below it, merged from all on the way", async () => {
    const { packages } = await repositoryOf({
      "z/pkg.toml": 'name = "z"\nversion = "1"',
      "s/pkg.toml": 'name = "s"\n[environment]\nA = "1"\nB = "1"',
      "s/2/pkg.toml": 'version = "2"\n[environment]\nB = "2"',
      "s/1/pkg.toml": 'version = "1"',
      "s/note.txt": "no package",
    });
    expect(packages.map(({ name, version, folder }) => [name, version, folder])).toEqual([
      ["s", "1", "s/1"],
      ["s", "2", "s/2"],
      ["z", "1", "z"],
    ]);
    expect(packages[1]!.environment).toEqual([
      ["A", "1"],
      ["B", "2"],
    ]);
    expect(packages[2]!.environment).toBeUndefined();
  });

  test("leaves out hidden folders and links to folders", async () => {
    const root = await writeRepository({
      "a/pkg.toml": 'name = "a"\nversion = "1"',
      ".hidden/pkg.toml": 'name = "h"\nversion = "1"',
    });
    await mkdir(join(root, "links"));
    await symlink(join(root, "a"), join(root, "links/a"));
    const { packages } = await openRepository({ root, environment: { XDG_CONFIG_HOME: root } });
    expect(packages.map(({ name }) => name)).toEqual(["a"]);
  });

  test("replaces lists as a whole and takes patches from the file that names them", async () => {
    const { packages } = await repositoryOf({
      "s/pkg.toml": 'name = "s"\npatches = ["./one.patch"]\n[dependencies]\nruntime = ["a =1", "b =1"]',
      "s/one.patch": "",
      "s/1/pkg.toml": 'version = "1"\n[dependencies]\nruntime = ["c =1"]',
      "s/2/pkg.toml": 'version = "2"\npatches = ["../one.patch", "two.patch"]',
      "s/2/two.patch": "",
    });
    expect(packages.map(({ patches }) => patches)).toEqual([
      ["s/one.patch"],
      ["s/one.patch", "s/2/two.patch"],
    ]);
    expect(packages.map(({ dependencies }) => dependencies.runtime.map(({ text }) => text))).toEqual([
      ["c =1"],
      ["a =1", "b =1"],
    ]);
  });

  test("takes numbers, flags and dates as text, and drops the = of a version", async () => {
    const { packages } = await repositoryOf({
      "a/pkg.toml": 'name = "a"\nversion = 3\nmeta = { count = 12, flag = true, __proto__ = "x" }',
      "b/pkg.toml": 'name = "b"\nversion = "=1.5"',
      "c/pkg.toml": 'name = "c"\nversion = 2024-01-31',
      "d/pkg.toml": 'name = "d"\nversion = 1234567890123456789',
    });
    expect(packages.map(({ version }) => version)).toEqual(["3", "1.5", "2024-01-31", "1234567890123456789"]);
    expect(packages[0]!.meta).toEqual([
      ["__proto__", "x"],
      ["count", "12"],
      ["flag", "true"],
    ]);
  });

  test("reads phases that lie in files of their own", async () => {
    const { packages } = await repositoryOf({
      "a/pkg.toml": 'name = "a"\nversion = "1"\nphases.build.path = "build.sh"',
      "a/build.sh": "make\n",
    });
    expect(packages[0]!.phases).toEqual(new Map([["build", "make\n"]]));
  });
});

describe("a mistake in a package", () => {
  test("is told with its place and the nearest name", async () => {
    expect(
      await mistakesIn({
        "a/pkg.toml": 'name = "a"\nversion = "1"\n\n[enviroment]\nA = "1"\n',
        "b/pkg.toml":
          'name = "b"\nversion = "1"\nsources.src.hash.type = "sha3"\nsources.src.url = "no url"\n',
      }),
    ).toEqual([
      'a/pkg.toml:4:2: unknown key "enviroment"; did you mean "environment"?',
      'b/pkg.toml:3:25: hash.type: must be one of sha1, sha256, sha512; found "sha3"; did you mean "sha1"?',
      'b/pkg.toml:4:19: url: must be a URL; found "no url"',
    ]);
  });

  test("is told where the syntax breaks, and where bytes are no text", async () => {
    expect(await mistakesIn({ "a/pkg.toml": 'name = "a"\nversion = \n' })).toEqual([
      "a/pkg.toml:2:11: not valid TOML: invalid value",
    ]);
  });

  test("is told in the file that says it, and in the package's own where something is missing", async () => {
    expect(
      await mistakesIn({
        "s/pkg.toml": 'name = "s"\npatches = ["gone.patch"]\n[sources.src]\nurl = "https://example.com"\n',
        "s/1/pkg.toml": 'version = "1"\n',
        "t/pkg.toml": 'name = "t"\n',
        "u/pkg.toml": 'name = "u"\nversion = "1"\npatches = ["../../x"]\n',
        "v/pkg.toml": 'name = "a/b"\nversion = "1"\n',
      }),
    ).toEqual([
      `s/1/pkg.toml:1:1: missing key "sources.src.hash.type": neither this file nor one in a folder above has it; "sources.src" comes from s/pkg.toml:3`,
      't/pkg.toml:1:1: missing key "version": neither this file nor one in a folder above has it',
      'u/pkg.toml:3:12: "../../x" does not lie in the repository',
      "v/pkg.toml:1:8: name: must not contain /, spaces or control characters",
    ]);
  });

  test("is a variable that no process can be given", async () => {
    expect(
      await mistakesIn({
        "pkg.toml": '[environment]\n"A=B" = "1"\n',
        "b/pkg.toml": 'name = "b"\nversion = "1"\n',
        "a/pkg.toml": 'name = "a"\nversion = "1"\n[environment]\n"" = "2"\nC = "\\u0000"\n"D E" = "3"\n',
      }),
    ).toEqual([
      'pkg.toml:2:9: environment: "A=B" is no name of a variable',
      'a/pkg.toml:4:6: environment: "" is no name of a variable',
      "a/pkg.toml:5:5: environment: the variable C must not contain a NUL byte",
    ]);
  });

  test("is a phase with both a script and a file of one", async () => {
    expect(
      await mistakesIn({
        "pkg.toml": "phases.build.script = 'make'\n",
        "a/pkg.toml": 'name = "a"\nversion = "1"\nphases.build = { script = "make", path = "build.sh" }\n',
        "b/pkg.toml": 'name = "b"\nversion = "1"\nphases.build.path = "pkg.toml"\n',
      }),
    ).toEqual(["a/pkg.toml:3:16: an entry of phases: must have a script or a path, not both"]);
  });

  test("is a patch that is not there", async () => {
    expect(
      await mistakesIn({
        "s/pkg.toml": 'name = "s"\npatches = [\n  "gone.patch",\n]\n',
        "s/1/pkg.toml": 'version = "1"\n',
      }),
    ).toEqual(["s/pkg.toml:3:3: there is no patch s/gone.patch"]);
  });

  test("is a version that is there twice", async () => {
    expect(
      await mistakesIn({
        "a/pkg.toml": 'name = "a"\nversion = "1"',
        "b/pkg.toml": 'name = "a"\nversion = "=1"',
      }),
    ).toEqual(["b/pkg.toml:2:11: a 1 is in a/pkg.toml, too"]);
  });

  test("is a phase whose file is not there", async () => {
    expect(
      await mistakesIn({
        "a/pkg.toml": 'name = "a"\nversion = "1"\nphases.build.path = "../../etc/passwd"',
        "b/pkg.toml": 'name = "b"\nversion = "1"\nphases.build.path = "gone.sh"',
      }),
    ).toEqual([
      'a/pkg.toml:3:21: the script "../../etc/passwd" can\'t be read in the repository',
      'b/pkg.toml:3:21: the script "gone.sh" can\'t be read in the repository',
    ]);
  });
});

describe("the configuration", () => {
  test("is the repository's, under the user's, under variables", async () => {
    const { config } = await repositoryOf(
      {
        "config.toml": `${smallConfig}git_author = "AUTHOR"\n`,
        "butido/config.toml":
          'staging = "/user"\nsource_cache = "cache"\n[containers]\nallowed_env = ["CFLAGS"]',
      },
      { BUTIDO_STAGING: "/variable", BUTIDO_STRICT_SCRIPT_INTERPOLATION: "false", BUTIDO_STAGIN: "x" },
    );
    expect(config).toMatchObject({
      strictScripts: false,
      allowedEnv: ["CFLAGS"],
      gitAuthorVariable: "AUTHOR",
      images: [{ name: "debian:bullseye", shortName: "deb11" }],
    });
    expect(config.folders.staging).toBe("/variable");
    expect(config.folders.sourceCache).toMatch(/\/cache$/);
    expect(config.notes).toEqual([
      'BUTIDO_STAGIN names no key of the configuration; did you mean "staging"?',
    ]);
  });

  test("tells every mistake with its place", async () => {
    expect(
      await mistakesIn(
        {
          "config.toml":
            'compatibility = 1\navailable_phases = []\nstagin = "/x"\n[docker]\nimages = [{ name = "a", shortname = "b" }]\n',
        },
        { BUTIDO_BUILD_ERROR_LINES: "many" },
      ),
    ).toEqual([
      "config.toml:2:20: available_phases: must name at least one phase; found an empty list",
      'config.toml:3:1: unknown key "stagin"; did you mean "staging"?',
      'config.toml:5:25: unknown key "shortname"; did you mean "short_name"?',
      '$BUTIDO_BUILD_ERROR_LINES:1:1: build_error_lines: must be a whole number; found "many"',
    ]);
  });

  test("is refused in another version of the format, or with an image named twice", async () => {
    expect(
      await mistakesIn({
        "config.toml": smallConfig
          .replace("compatibility = 1", "compatibility = 2")
          .replace("images = [", 'images = [{ name = "deb11" }, '),
      }),
    ).toEqual([
      "config.toml:1:17: compatibility: must be 1, the version of the format that is known here; found 2",
      'config.toml:4:72: docker.images: the name "deb11" is there twice',
    ]);
    const user = 'docker.images = [{ name = "x" }, { name = "x" }]';
    const files = { "butido/config.toml": user };
    expect(await mistakesIn(files, { BUTIDO_COMPATIBILITY: "3" })).toMatchObject([
      expect.stringMatching(/^\$BUTIDO_COMPATIBILITY:1:1: /),
      expect.stringMatching(/butido\/config.toml:1:43: docker.images: the name "x"/),
    ]);
  });

  test("is found from a folder below it, and nowhere else", async () => {
    const root = await writeRepository({ "a/b/config.toml": "unrelated = true" });
    expect(await findRepository(join(root, "a/b"))).toBe(root);
    const empty = await writeFiles({ "config.toml": "" });
    await expect(findRepository(empty)).rejects.toThrow("there is no package repository");
  });
});

describe.skipIf(butidoExamples === undefined)("butido's example repository", () => {
  test("is read unmodified: 29 packages, and the patches that butido finds", async () => {
    const { packages, config } = await openRepository({
      root: join(butidoExamples!, "repo"),
      environment: { XDG_CONFIG_HOME: "/nowhere" },
    });
    expect(packages).toHaveLength(29);
    expect(config.availablePhases).toEqual(["sourcecheck", "patchcheck", "depcheck", "build"]);
    const patches = packages
      .filter(({ name }) => name === "s")
      .map(({ version, patches }) => [version, patches]);
    expect(patches).toEqual([
      ["19.0", ["s/19.0/foo.patch", "s/19.0/s190.patch"]],
      ["19.1", ["s/foo.patch"]],
      ["19.2", ["s/foo.patch"]],
      ["19.3", ["s/19.3/s193.patch"]],
    ]);
  });
});
