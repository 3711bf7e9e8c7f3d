import { describe, expect, test } from "vitest";
import { catalogue } from "../../../coordinator/cli/catalogue/catalogue.ts";
import type { CommandEntry } from "../../../coordinator/cli/catalogue/entry.ts";
import { Interruption } from "../../../coordinator/cli/interruption.ts";
import { writeRepository } from "../../support/package-repository.ts";
import { CapturedTerminal } from "./captured-terminal.ts";

const files = {
  "a/pkg.toml": `name = "a"
version = "1"
[dependencies]
build = ["tool =2.0"]
runtime = ["b =1", "c =1", { name = "deb =1", condition = { in_image = "debian:bullseye", has_env = "DEBUG" } }]`,
  "b/pkg.toml": 'name = "b"\nversion = "1"\n[dependencies]\nruntime = ["d =1"]',
  "c/pkg.toml": 'name = "c"\nversion = "1"\n[dependencies]\nbuild = ["d =1"]\nruntime = ["tool =2.0"]',
  "d/pkg.toml": 'name = "d"\nversion = "1"\n[environment]\nB = "2"\nA = "1"',
  "deb/pkg.toml": 'name = "deb"\nversion = "1"',
  "tool/1/pkg.toml": 'name = "tool"\nversion = "1.0"',
  "tool/2/pkg.toml": 'name = "tool"\nversion = "2.0"\n[dependencies]\nruntime = ["d =1"]',
};

/** Runs a command of the catalogue on a repository with these files. */
async function asked(
  name: string,
  input: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly out: string; readonly notes: readonly string[] }> {
  const root = await writeRepository({ ...files, ...changes });
  const terminal = new CapturedTerminal();
  const entry = catalogue
    .flatMap(({ entries }) => entries)
    .find((known) => known.name === name) as CommandEntry;
  const { command } = await entry.load();
  const context = {
    entry,
    words: `millrace ${name}`,
    catalogue,
    terminal,
    environment: { XDG_CONFIG_HOME: root },
    interruption: new Interruption(() => {}),
    programs: { millrace: "", agent: "" },
  };
  const status = await command({ repo: root, ...input }, context);
  return { status, out: terminal.out, notes: terminal.notes };
}

describe("tree-of", () => {
  test("draws what a package needs, and repeats nothing", async () => {
    const { out } = await asked("tree-of", { name: "a" });
    expect(out).toBe(`a 1
|-- tool 2.0 *
|   \`-- d 1
|-- b 1
|   \`-- d 1
\`-- c 1
    |-- d 1 *
    \`-- tool 2.0 ...
`);
  });

  test("goes by the conditions that hold where the build would happen", async () => {
    const input = { name: "a", image: "deb11", env: ["DEBUG=1"], serialBuildorder: true };
    const { out } = await asked("tree-of", input);
    const order = out.trimEnd().split("\n");
    expect(order.toSorted()).toEqual(["a 1", "b 1", "c 1", "d 1", "deb 1", "tool 2.0"]);
    expect(order.at(-1)).toBe("a 1");
    expect(order.indexOf("d 1")).toBeLessThan(order.indexOf("tool 2.0"));
  });

  test("draws for Graphviz, edges that only building needs dotted", async () => {
    const { out } = await asked("tree-of", { name: "c", dot: true });
    expect(out).toMatch(/n\d \[label="c 1"\];/);
    expect(out.match(/style=dotted/g)).toHaveLength(1);
    expect(out.match(/->/g)).toHaveLength(3);
  });

  test("gives the graph as JSON", async () => {
    const graph = JSON.parse((await asked("tree-of", { name: "b", json: true })).out);
    expect(graph).toEqual({
      roots: ["b 1"],
      packages: [
        { name: "d", version: "1", needs: [] },
        { name: "b", version: "1", needs: [{ name: "d", version: "1", kinds: ["runtime"] }] },
      ],
    });
  });
});

describe("what-depends", () => {
  test("lists those that name a package, of a kind, or through others", async () => {
    const names = async (input: Record<string, unknown>): Promise<string[]> =>
      (await asked("what-depends", input)).out.split("\n").map((line) => line.split("\t")[0]!);
    expect(await names({ name: "d" })).toEqual(["b", "c", "tool", ""]);
    expect(await names({ name: "d", dependencyType: "build" })).toEqual(["c", ""]);
    expect(await names({ name: "d", transitive: true })).toEqual(["a", "b", "c", "tool", ""]);
    expect(await names({ name: "tool", version: "1.0" })).toEqual([""]);
  });
});

describe("dependencies-of", () => {
  test("lists what is written, with its conditions, or all that is taken along", async () => {
    const { out } = await asked("dependencies-of", { name: "a" });
    expect(out).toBe(
      "a\t1\tbuild\ttool =2.0\na\t1\truntime\tb =1\na\t1\truntime\tc =1\n" +
        "a\t1\truntime\tdeb =1 if DEBUG is set and in debian:bullseye\n",
    );
    const { out: all } = await asked("dependencies-of", { name: "c", transitive: true });
    expect(all).toBe("d\t1\td\ntool\t2.0\ttool/2\n");
  });
});

describe("versions-of, env-of and metrics", () => {
  test("tell what there is", async () => {
    expect((await asked("versions-of", { name: "tool" })).out).toBe("tool\t1.0\ttool/1\ntool\t2.0\ttool/2\n");
    expect((await asked("env-of", { name: "d" })).out).toBe("A=1\nB=2\n");
    await expect(asked("env-of", { name: "tool" })).rejects.toThrow("tool has 2 versions");
    const counts = JSON.parse((await asked("metrics", { json: true })).out);
    expect(counts).toMatchObject({ packages: 6, versions: 7, dependencies: 8, images: 1 });
  });
});

describe("find-pkg", () => {
  test("shows the parts that are asked for", async () => {
    expect((await asked("find-pkg", { regex: "^[bt]", terse: true })).out).toBe(
      "b\t1\tb\ntool\t1.0\ttool/1\ntool\t2.0\ttool/2\n",
    );
    expect((await asked("find-pkg", { regex: "tool", version: "1", env: true, phases: true })).out).toBe(
      "tool 1.0\n  environment: none\n  phases:\n    build\n",
    );
    const { out } = await asked("find-pkg", { regex: "^d$", all: true });
    expect(out).toContain("  allowed images:\n    all that are not denied\n");
    expect(out).toContain("    1 | #!/bin/bash\n    2 | ### phase build\n");
    const documents = JSON.parse((await asked("find-pkg", { regex: "^a$", json: true })).out);
    expect(documents).toMatchObject([{ name: "a", dependencies: { build: [{ text: "tool =2.0" }] } }]);
    expect((await asked("find-pkg", { regex: "nothing" })).notes).toEqual(["no package matches"]);
  });
});

describe("lint", () => {
  test("finds what would fail, and ends with status 1", async () => {
    expect(await asked("lint", {})).toMatchObject({
      status: 0,
      notes: [expect.any(String), "7 packages, no mistakes"],
    });
    const { status, out } = await asked(
      "lint",
      { name: "x" },
      {
        "x/pkg.toml": `name = "x"
version = "1"
[phases]
other.script = "x"
build.script = "{{gone}}"
[dependencies]
runtime = ["b >1"]`,
      },
    );
    expect(status).toBe(1);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/x\/pkg\.toml:5:19: phase "build": x 1: gone is not there$/);
    expect(lines[1]).toBe('x 1 has the phase "other", which available_phases do not have');
    expect(lines[2]).toMatch(/x\/pkg\.toml:7:12: "b >1" names no package: ranges of versions/);
  });

  test("finds dependencies on nothing and in a circle, and images that there are not", async () => {
    const item = (rest: string) => `name = "x"\nversion = "1"\n${rest}`;
    const found = async (text: string) =>
      (await asked("lint", { name: "x" }, { "x/pkg.toml": item(text) })).out.trimEnd();
    expect(
      await found('[dependencies]\nbuild = [{ name = "bb =1", condition = { has_env = "A" } }]'),
    ).toMatch(/x\/pkg\.toml:4:10: x 1 needs bb 1, which is no package; did you mean "b"\?$/);
    expect(await found('[dependencies]\nbuild = ["x =1"]')).toMatch(/x\/pkg\.toml:4:10: "x 1" needs itself$/);
    expect(await found('denied_images = ["deb11", "debian:bulseye"]').then((out) => out.split("\n"))).toEqual(
      [
        expect.stringMatching(/:3:18: "deb11" is a short name, .* write "debian:bullseye"$/),
        expect.stringMatching(
          /:3:27: the repository has no image "debian:bulseye"; did you mean "debian:bullseye"\?$/,
        ),
      ],
    );
    const condition = 'condition = { in_image = "deb11" }';
    expect(await found(`[dependencies]\nbuild = [{ name = "b =1", ${condition} }]`)).toMatch(
      /:4:\d+: "deb11" is a short name/,
    );
  });
});
