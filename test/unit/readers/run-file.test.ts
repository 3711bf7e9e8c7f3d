import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRunFile, type RunFileReading, readRunFile } from "../../../coordinator/readers/run-file.ts";
import { formatProblem } from "../../../coordinator/readers/source-text.ts";
import { graphSpecSchema, type JobSpecInput } from "../../../shared/model/job-spec.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/run-files/valid/${name}`, import.meta.url));

function accepted(reading: RunFileReading): Extract<RunFileReading, { ok: true }> {
  if (!reading.ok) throw new Error(reading.problems.map(formatProblem).join("\n"));
  return reading;
}

function problemsIn(file: string, text: string): string[] {
  const reading = parseRunFile(file, text);
  return reading.ok ? [] : reading.problems.map(formatProblem);
}

function jobsOf(text: string): Map<string, JobSpecInput> {
  return new Map(accepted(parseRunFile("run.yaml", text)).graph.jobs.map((job) => [job.name, job]));
}

describe("a correct file", () => {
  test("gives the same graph as YAML and as JSON", async () => {
    const yaml = accepted(await readRunFile(fixture("hello.yaml")));
    const json = accepted(await readRunFile(fixture("hello.json")));
    expect(json.graph).toEqual(yaml.graph);
    expect(json.sources).toEqual(yaml.sources);
  });

  test("gives every field in the units of the graph", async () => {
    const { graph, sources, compiled } = accepted(await readRunFile(fixture("hello.yaml")));
    expect(graphSpecSchema.safeParse(graph).error).toBeUndefined();
    expect(graph).toMatchObject({ name: "hello", vars: [["CFLAGS", "-O2"]] });
    expect(graph.jobs[1]).toEqual({
      name: "build",
      needs: [{ job: "fetch" }],
      run: { script: 'gcc $CFLAGS -o hello "$MILLRACE_INPUTS"/fetch/hello.c' },
      image: "gcc:14",
      env: [["LANG", "C"]],
      outputs: ["hello"],
      labels: [["arch", "x86_64"]],
      resources: { cpu: 2, memoryBytes: 2 ** 30 },
      timeouts: { runMs: 600_000 },
      retries: { max: 2 },
      priority: 600,
      reuse: true,
    });
    expect(graph.jobs[2]).toEqual({
      name: "test",
      needs: [{ job: "build", transitive: true }],
      run: { argv: ["hello", "--check", "3"] },
      image: "debian:12",
      timeouts: { runMs: 60_000, noOutputMs: 10_000 },
      retries: { max: 3, on: ["failure"], exitCodes: [75], backoffMs: 5000 },
      allowFailure: true,
      reuse: true,
    });
    expect(sources).toEqual(new Map([["fetch", ["hello.c"]]]));
    expect([...compiled.rank]).toEqual([4, 3, 2, 1]);
  });

  test("takes jobs with declared inputs for reusable where it does not say it", () => {
    const jobs = jobsOf(`
      defaults: {run: x}
      jobs:
        fetch: {}
        compile: {sources: [main.c], needs: [fetch]}
        test: {needs: [compile]}
        report: {needs: [compile, fetch]}
        notify: {needs: [test], when: always}
        deploy: {needs: [test], reuse: false}
        announce: {needs: [deploy]}
        fixed: {reuse: true}
    `);
    const reused = [...jobs.values()].filter(({ reuse }) => reuse === true).map(({ name }) => name);
    expect(reused).toEqual(["compile", "test", "fixed"]);
  });

  test("takes text, whole numbers and booleans as text, and true as a script", () => {
    const job = jobsOf("jobs: {a: {run: true, env: {A: 1, B: false, C: '01', D: -5}}}").get("a");
    expect(job?.run).toEqual({ script: "true" });
    expect(job?.env).toEqual([
      ["A", "1"],
      ["B", "false"],
      ["C", "01"],
      ["D", "-5"],
    ]);
  });

  test("takes keys as they are written", () => {
    expect([
      ...jobsOf("defaults: {run: x}\njobs: {10: {}, 1.10: {}, true: {}, null: {}, 9: {}}").keys(),
    ]).toEqual(["10", "1.10", "true", "null", "9"]);
  });

  test.each(["run.yaml", "run.json"])(
    "loses no name that means something to JavaScript objects (%s)",
    (file) => {
      const text = `{"jobs": {"__proto__": {"run": "x", "env": {"__proto__": "1", "constructor": "2"}, "labels":
      {"__proto__": "3"}}, "constructor": {"run": "y", "needs": ["__proto__"]}, "toString": {"run": "z"}}}`;
      const { graph } = accepted(parseRunFile(file, text));
      expect(graph.jobs.map(({ name }) => name)).toEqual(["__proto__", "constructor", "toString"]);
      expect(graph.jobs[0]).toMatchObject({
        env: [
          ["__proto__", "1"],
          ["constructor", "2"],
        ],
        labels: [["__proto__", "3"]],
      });
      expect(graph.jobs[1]?.needs).toEqual([{ job: "__proto__" }]);
    },
  );
});

describe("defaults", () => {
  test("are merged key by key in maps and replaced as a whole elsewhere", () => {
    const jobs = jobsOf(`
defaults:
  run: make
  env: {A: 1, B: 2}
  outputs: [x, y]
  timeout: {queue: 1h}
  retries: {max: 1, on: timeout}
  resources: {cpu: 2}
jobs:
  plain: {}
  own: {env: {B: 3}, outputs: [z], timeout: 10m, retries: 5, resources: {memory: 1MiB}, run: [a]}
`);
    expect(jobs.get("plain")).toEqual({
      name: "plain",
      run: { script: "make" },
      env: [
        ["A", "1"],
        ["B", "2"],
      ],
      outputs: ["x", "y"],
      timeouts: { queueMs: 3_600_000 },
      retries: { max: 1, on: ["timeout"] },
      resources: { cpu: 2 },
    });
    expect(jobs.get("own")).toEqual({
      name: "own",
      run: { argv: ["a"] },
      env: [
        ["A", "1"],
        ["B", "3"],
      ],
      outputs: ["z"],
      timeouts: { runMs: 600_000, queueMs: 3_600_000 },
      retries: { max: 5, on: ["timeout"] },
      resources: { cpu: 2, memoryBytes: 1_048_576 },
    });
  });
});

describe("the file itself", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-run-file-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const written = async (name: string, bytes: Uint8Array | string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };

  test("may begin with a byte order mark, which no column counts", async () => {
    expect((await readRunFile(await written("bom.yaml", "\uFEFFjobs: {a: {run: x}}"))).ok).toBe(true);
    expect((await readRunFile(await written("bom.json", '\uFEFF{"jobs": {"a": {"run": "x"}}}'))).ok).toBe(
      true,
    );
    const broken = await readRunFile(await written("bom-broken.yaml", "\uFEFFjobz: 1"));
    expect(broken.ok ? [] : broken.problems[0]).toMatchObject({ line: 1, col: 1 });
  });

  test("may have any kind of line ends", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      expect(problemsIn("run.yaml", ["jobs:", "  a:", "    runn: x", "    run: y"].join(end))).toEqual([
        'run.yaml:3:5: unknown key "runn"; did you mean "run"?',
      ]);
    }
  });

  test("must be UTF-8, and the first byte that is not is shown", async () => {
    const bytes = Buffer.concat([Buffer.from("jobs:\n  ä"), Buffer.from([0xff]), Buffer.from(": {run: x}")]);
    const reading = await readRunFile(await written("latin.yaml", bytes));
    expect(reading.ok ? [] : reading.problems).toMatchObject([{ line: 2, col: 4 }]);
    const utf16 = await readRunFile(await written("utf16.yaml", Buffer.from("\uFEFFjobs: 1", "utf16le")));
    expect(utf16.ok ? [] : utf16.problems).toMatchObject([{ line: 1, col: 1 }]);
  });

  test.each(["", "\n\n", "# only a comment\n", "---\n", "~"])("must not be empty: %j", (text) => {
    expect(problemsIn("run.yaml", text)).toEqual([
      'run.yaml:1:1: the run file is empty; it needs at least "jobs"',
    ]);
  });

  test("must not be empty as JSON", () => {
    expect(problemsIn("run.json", "")[0]).toMatch(/^run.json:1:1: /);
    expect(problemsIn("run.json", "null")[0]).toMatch(/^run.json:1:1: /);
  });

  test("must be there and be a file", async () => {
    await expect(readRunFile(join(folder, "none.yaml"))).rejects.toMatchObject({
      code: "badInput",
      message: expect.stringContaining("there is no file"),
    });
    await expect(readRunFile(folder)).rejects.toMatchObject({
      code: "badInput",
      message: expect.stringContaining("is a directory"),
    });
  });
});

describe("JSON", () => {
  test("has its syntax errors reported all at once at their places", () => {
    expect(problemsIn("a.json", '{"jobs": {"a": {"run": "x" "needs": []},}}')).toEqual([
      "a.json:1:28: not valid JSON: comma expected",
      "a.json:1:41: not valid JSON: property name expected",
      "a.json:1:41: not valid JSON: value expected",
    ]);
  });

  test("has duplicate keys reported, also when one is escaped", () => {
    expect(problemsIn("a.json", '{"jobs": {"a": {"run": "x"},\n "\\u0061": {"run": "y"}}}')).toEqual([
      'a.json:2:2: duplicate key "a"',
    ]);
  });

  test("may not hold text that is not Unicode", () => {
    expect(problemsIn("a.json", '{"jobs": {"a": {"run": "\\ud800"}, "\\udc00": {"run": "x"}}}')).toEqual([
      expect.stringContaining("a.json:1:24: run: must be valid Unicode"),
      expect.stringContaining("a.json:1:35: a name in jobs: a name must be valid Unicode"),
    ]);
  });

  test("is refused when it nests without end", () => {
    expect(problemsIn("a.json", "[".repeat(200_000))).toEqual([
      "a.json:1:101: lists and maps must not be nested deeper than 100",
    ]);
  });
});

describe("a wrong root", () => {
  test.each([
    ["[]", "an empty list"],
    ["make", '"make"'],
    ["12", "12"],
  ])("%s is said to be %s", (text, found) => {
    expect(problemsIn("run.yaml", text)).toEqual([
      `run.yaml:1:1: must be a map with the keys name, vars, defaults, jobs; found ${found}`,
    ]);
  });

  test("lacks jobs", () => {
    expect(problemsIn("run.yaml", "name: x")).toEqual(['run.yaml:1:1: missing key "jobs"']);
  });
});
