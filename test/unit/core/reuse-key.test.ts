import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeDifferences, differencesBetween } from "../../../coordinator/core/reuse-difference.ts";
import { componentsOf, ingredientsOf, keysFrom } from "../../../coordinator/core/reuse-key.ts";
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { jobsOf, RunDriver, type Sketch, succeeded } from "../../support/run-driver.ts";

const host = { host: "debian 12 x86_64" };
const artifact = (digit: string) => ({ digest: digit.repeat(64), files: 1, bytes: 1 });

/** The ingredients of `last`, a job that needs `first` and `second`, when these have made such artifacts. */
function lastOf(
  change: Partial<JobSpecInput> = {},
  made: { readonly first?: string; readonly second?: string } = {},
  place: { host: string } | { image: string } = host,
) {
  const { needs: _, name: __, ...spec } = change as JobSpecInput;
  const sketch: Sketch = {
    first: {},
    second: {},
    last: { reuse: true, ...spec, needs: ["first", "second"] },
  };
  const run = new RunDriver(sketch, { reuse: false });
  for (const name of ["first", "second"] as const) {
    run.grant(name);
    run.finish(name, succeeded, artifact(made[name] ?? "0"));
  }
  return known(ingredientsOf(run.state, run.index("last"), place));
}

function known<T>(ingredients: T | undefined): T {
  if (ingredients === undefined) throw new Error("something that it needs may still run");
  return ingredients;
}

const keyOf = (...what: Parameters<typeof lastOf>): string => keysFrom(lastOf(...what)).key;

describe("the key of a job", () => {
  it("is another one when anything differs that the job may see", () => {
    const changes: Partial<JobSpecInput>[] = [
      {},
      { run: { script: "false" } },
      { run: { argv: ["true"] } },
      { run: { program: "#!/bin/sh\ntrue" } },
      { env: [["A", "1"]] },
      { env: [["A", "2"]] },
      { env: [["B", "1"]] },
      { network: "none" },
      { outputs: ["out"] },
      { outputs: ["out", "log"] },
      { sources: "1".repeat(64) },
      { sources: "2".repeat(64) },
      { marks: { verdict: "both" } },
      { marks: { verdict: "marks" } },
      { layout: "package" },
      { layout: "package", files: [{ digest: "1".repeat(64), folder: "inputs" }] },
      { layout: "package", files: [{ digest: "1".repeat(64), folder: "patches" }] },
    ];
    const keys = changes.map((change) => keyOf(change));
    keys.push(keyOf({}, { first: "1" }), keyOf({}, { second: "1" }), keyOf({}, { first: "1", second: "1" }));
    keys.push(keyOf({}, {}, { host: "debian 11 x86_64" }), keyOf({}, {}, { image: "debian 12 x86_64" }));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("stays when only that differs which decides where, when and how long it runs", () => {
    const changes: Partial<JobSpecInput>[] = [
      { resources: { cpu: 1 } },
      { timeouts: { runMs: 1_000 } },
      { retries: { max: 3 } },
      { priority: 7 },
      { labels: [["disk", "fast"]] },
      { allowFailure: true },
    ];
    for (const change of changes) expect(keyOf(change), JSON.stringify(change)).toBe(keyOf());
  });

  it("does not depend on the order of variables, and the job's own count", () => {
    const env = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string()), {
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(env, fc.nat(), (pairs, seed) => {
        const turned = [
          ...pairs.slice(seed % (pairs.length + 1)),
          ...pairs.slice(0, seed % (pairs.length + 1)),
        ];
        expect(keyOf({ env: turned })).toBe(keyOf({ env: pairs }));
      }),
      { numRuns: 50 },
    );
  });

  it("knows whose artifact is which in a workspace, and in a package only what there is", () => {
    const here = { first: "1", second: "2" };
    const there = { first: "2", second: "1" };
    expect(keyOf({}, here)).not.toBe(keyOf({}, there));
    const layout = "package" as const;
    expect(keyOf({ layout }, here)).toBe(keyOf({ layout }, there));
    expect(keyOf({ layout }, here)).not.toBe(keyOf({ layout }, { first: "1", second: "1" }));
  });
});

it("nothing is a key where more may come to what a job needs indirectly", () => {
  const sketch = (when: "success" | "always"): Sketch => ({
    slow: {},
    bad: {},
    between: { needs: ["bad", "slow"], when },
  });
  const keyed = (when: "success" | "always", transitive: boolean) => {
    const needs = [{ job: "between", transitive }];
    const last: JobSpecInput = { name: "last", run: { script: "true" }, reuse: true, needs };
    const run = new RunDriver([...jobsOf(sketch(when)), last]);
    return ingredientsOf(run.state, run.index("last"), host) !== undefined;
  };
  expect(keyed("always", true)).toBe(false);
  expect(keyed("always", false)).toBe(true);
  expect(keyed("success", true)).toBe(true);
});

describe("the deep key of a job", () => {
  it("differs when what it needs was made of something else, though it came out the same", () => {
    const last = (script: string) => {
      const run = new RunDriver(
        {
          first: { reuse: true, run: { script } },
          last: { reuse: true, needs: ["first"] },
        },
        { reuse: false },
      );
      run.grant("first");
      run.finishOn("first", host, artifact("1"));
      return keysFrom(known(ingredientsOf(run.state, run.index("last"), host)));
    };
    expect(last("make").key).toBe(last("make all").key);
    expect(last("make").deepKey).not.toBe(last("make all").deepKey);
    expect(last("make").deepKey).toBe(last("make").deepKey);
  });

  it("has the history of what came with a need that is not reused itself", () => {
    const last = (script: string) => {
      const needs = (job: string) => [{ job, transitive: true }];
      const first: JobSpecInput = { name: "first", run: { script }, reuse: true };
      const between: JobSpecInput = {
        name: "between",
        run: { script: "true" },
        reuse: false,
        needs: needs("first"),
      };
      const run = new RunDriver(
        [first, between, { name: "last", run: { script: "true" }, reuse: true, needs: needs("between") }],
        { reuse: false },
      );
      run.grant("first");
      run.finishOn("first", host, artifact("1"));
      run.grant("between");
      run.finish("between", succeeded, artifact("2"));
      return keysFrom(known(ingredientsOf(run.state, run.index("last"), host)));
    };
    expect(last("make").key).toBe(last("make all").key);
    expect(last("make").deepKey).not.toBe(last("make all").deepKey);
  });

  it("has the artifact of a need that is not reused itself", () => {
    expect(keysFrom(lastOf({}, { first: "1" })).deepKey).not.toBe(keysFrom(lastOf()).deepKey);
  });
});

describe("what differs from the last time", () => {
  const between = (...[was, is]: [Parameters<typeof lastOf>, Parameters<typeof lastOf>]): string =>
    describeDifferences(differencesBetween(componentsOf(lastOf(...was)), componentsOf(lastOf(...is))));

  it("is named by what people know", () => {
    expect(between([{}], [{ run: { script: "make" } }])).toBe("its command differs");
    expect(between([{ env: [["A", "1"]] }], [{ env: [["A", "2"]] }])).toBe("variable A differs");
    expect(between([{ env: [["A", "1"]] }], [{ env: [["B", "2"]] }])).toBe(
      "variable B is new; variable A is gone",
    );
    expect(between([{}], [{}, { second: "1" }])).toBe("what second made differs");
    expect(between([{}], [{}, {}, { image: "sha256:1" }])).toBe("it runs in a container now");
    expect(between([{}], [{}, {}, { host: "debian 13" }])).toBe(
      "the host is debian 13, and was debian 12 x86_64",
    );
    expect(between([{ sources: "1".repeat(64) }], [{ sources: "2".repeat(64) }])).toBe(
      "a source file differs",
    );
  });

  it("is nothing for equal jobs", () => {
    expect(between([{}], [{}])).toBe("");
  });
});
