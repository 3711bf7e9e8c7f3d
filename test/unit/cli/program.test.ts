import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { catalogue } from "../../../coordinator/cli/catalogue/catalogue.ts";
import { type CommandEntry, isGroup } from "../../../coordinator/cli/catalogue/entry.ts";
import type { RawInput } from "../../../coordinator/cli/command-module.ts";
import { runProgram } from "../../../coordinator/cli/program.ts";

let printed = "";

beforeEach(() => {
  printed = "";
  const capture = (text: unknown): boolean => {
    printed += String(text);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(capture);
  vi.spyOn(process.stderr, "write").mockImplementation(capture);
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function parse(...argv: string[]): Promise<{ status: number; command?: string; input?: RawInput }> {
  let carried: { command: string; input: RawInput } | undefined;
  const status = await runProgram(catalogue, "1.2.3", argv, async (entry, input) => {
    carried = { command: entry.name, input };
    return 0;
  });
  return { status, ...carried };
}

describe("the command line", () => {
  it("knows how its user called a command of a group", async () => {
    const called: string[] = [];
    await runProgram(catalogue, "1.2.3", ["source", "of", "zlib"], async (_entry, _input, words) => {
      called.push(words);
      return 0;
    });
    expect(called).toEqual(["millrace source of"]);
  });

  it("hands arguments and options over by name", async () => {
    const { command, input } = await parse(
      "run",
      "a.yaml",
      "x",
      "y",
      "--var",
      "A=1",
      "--var",
      "B=2",
      "--slots",
      "4",
    );
    expect(command).toBe("run");
    const given = { file: "a.yaml", jobs: ["x", "y"], var: ["A=1", "B=2"], slots: "4" };
    expect(input).toEqual({ ...given, reuse: true, cutoff: true });
  });

  it("knows some commands by the names that they have elsewhere", async () => {
    expect(await parse("depsof", "zlib")).toMatchObject({
      command: "dependencies-of",
      input: { name: "zlib" },
    });
    expect((await parse("versions", "zlib")).command).toBe("versions-of");
  });

  it("knows some options by the names that they have elsewhere", async () => {
    const { input } = await parse("what-depends", "zlib", "--type", "build");
    expect(input).toEqual({ name: "zlib", dependencyType: "build" });
    const found = await parse("find-pkg", "zlib", "--source", "--deps");
    expect(found.input).toMatchObject({ sources: true, dependencies: true });
    expect((await parse("what-depends", "zlib", "--type", "neither")).status).toBe(2);
    expect((await parse("find-pkg", "zlib", "--no-highlight", "--line-numbers")).status).toBe(0);
    await parse("find-pkg", "--help");
    expect(printed).not.toMatch(/--deps\b|highlight|--line/);
  });

  it("tells --no-out from --out and from neither", async () => {
    expect((await parse("run", "f", "--no-out")).input?.out).toBe(false);
    expect((await parse("run", "f", "--out", "d")).input?.out).toBe("d");
    expect((await parse("run", "f")).input).not.toHaveProperty("out");
  });

  it("takes names that begin with a dash after --", async () => {
    expect((await parse("logs", "last", "--", "-x")).input).toEqual({ run: "last", job: "-x" });
  });

  it("lists when a group is named alone, with its options", async () => {
    const { command, input } = await parse("agents", "--json");
    expect({ command, input }).toEqual({ command: "list", input: { json: true } });
  });

  it.each([
    [["frobnicate"], "unknown command"],
    [["run"], "missing required argument"],
    [["run", "f", "--slot", "2"], "Did you mean --slots"],
    [["validate", "f", "g"], "too many arguments"],
    [["graph", "f", "--format", "png"], "dot, mermaid, json"],
    [["completion", "tcsh"], "bash, zsh, fish"],
    [["runs", "--status"], "argument missing"],
    [[], "Usage: millrace"],
  ])("ends %j with status 2 and says why", async (argv, reason) => {
    expect((await parse(...argv)).status).toBe(2);
    expect(printed).toContain(reason);
  });

  it("prints version and help with status 0", async () => {
    expect((await parse("--version")).status).toBe(0);
    expect(printed).toBe("1.2.3\n");
    expect((await parse("run", "--help")).status).toBe(0);
    expect(printed).toContain("millrace run build.yaml --var VERSION=1.4");
  });

  it("describes every command with an example", () => {
    const commands = catalogue.flatMap(({ entries }) =>
      entries.flatMap((entry): readonly CommandEntry[] => (isGroup(entry) ? entry.commands : [entry])),
    );
    expect(commands.filter(({ examples = [] }) => examples.length === 0).map(({ name }) => name)).toEqual([]);
  });

  it("has an implementation for every command", async () => {
    const graph = catalogue[0]?.entries.find(({ name }) => name === "graph");
    expect(graph !== undefined && !isGroup(graph) && (await graph.load()).command).toBeTypeOf("function");
  });
});
