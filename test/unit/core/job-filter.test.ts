import { describe, expect, it } from "vitest";
import { type JobFilter, matchingJobs } from "../../../coordinator/core/job-filter.ts";
import { newRunState, type RunState, specAt } from "../../../coordinator/core/run-state.ts";
import { viewJobs } from "../../../coordinator/core/run-view.ts";
import { runOptionsSchema } from "../../../shared/model/api.ts";
import { compileGraph } from "../../../shared/model/graph.ts";
import { graphSpecSchema } from "../../../shared/model/job-spec.ts";
import { failed, RunDriver } from "../../support/run-driver.ts";

const run = { script: "true" };

/** A run that was only submitted, with variables for all jobs. */
function submitted(): RunState {
  const spec = graphSpecSchema.parse({
    vars: [
      ["LEVEL", "1"],
      ["MODE", "slow"],
    ],
    jobs: [
      { name: "zlib 1.3 (debian:12)", run, image: "debian:12" },
      { name: "zlib 1.3 (debian:13)", run, image: "debian:13", env: [["LEVEL", "2"]] },
      { name: "zlib-ng 2.1 (debian:12)", run, image: "debian:12", env: [["LEVEL", "2"]] },
      { name: "host", run },
    ],
  });
  const compilation = compileGraph(spec);
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
  return newRunState("r1", spec, compilation.graph, {
    name: null,
    options: runOptionsSchema.parse({}),
    at: 1_000,
  });
}

function named(state: RunState, filter: JobFilter): string[] {
  return matchingJobs(state, filter).map((index) => specAt(state, index).name);
}

describe("a listing of jobs", () => {
  it("has those whose names begin so, and those of an image", () => {
    const state = submitted();
    expect(named(state, { namePrefix: "zlib " })).toEqual(["zlib 1.3 (debian:12)", "zlib 1.3 (debian:13)"]);
    expect(named(state, { namePrefix: "zlib ", image: "debian:13" })).toEqual(["zlib 1.3 (debian:13)"]);
    expect(named(state, { image: "debian" })).toEqual([]);
  });

  it("has those of the names that are asked for, in the order of the graph, and none that is not there", () => {
    const state = submitted();
    const names = ["host", "nobody", "zlib 1.3 (debian:13)", "host"];
    expect(named(state, { names })).toEqual(["zlib 1.3 (debian:13)", "host"]);
    expect(named(state, { names, image: "debian:13" })).toEqual(["zlib 1.3 (debian:13)"]);
    expect(named(state, { names, job: "host" })).toEqual(["host"]);
    expect(named(state, { names: ["host"], job: "zlib 1.3 (debian:13)" })).toEqual([]);
    expect(named(state, { names: [] })).toEqual([]);
  });

  it("goes by the variables that a job sees: its own above those of the run, all of them", () => {
    const state = submitted();
    expect(named(state, { env: [["LEVEL", "1"]] })).toEqual(["zlib 1.3 (debian:12)", "host"]);
    const both: JobFilter = {
      env: [
        ["LEVEL", "2"],
        ["MODE", "slow"],
      ],
    };
    expect(named(state, both)).toEqual(["zlib 1.3 (debian:13)", "zlib-ng 2.1 (debian:12)"]);
    expect(named(state, { env: [["MODE", ""]] })).toEqual([]);
    expect(named(state, { env: [["__proto__", ""]] })).toEqual([]);
  });

  it("has a job of an agent on which any attempt of it was, not only the last one", () => {
    const driver = new RunDriver({ a: { retries: { max: 1, on: ["failure"] } }, b: {} });
    driver.execute("a", failed);
    const [attempt] = driver.state.jobs[driver.index("a")]?.attempts ?? [];
    expect(named(driver.state, { agent: attempt?.agent ?? "" })).toEqual(["a"]);
    expect(named(driver.state, { agent: "nobody" })).toEqual([]);
  });

  it("counts what matches, not what its page holds, and tells the image of each", () => {
    const page = viewJobs(submitted(), { namePrefix: "zlib", offset: 1, limit: 1 });
    expect(page.total).toBe(3);
    expect(page.jobs.map(({ job, image }) => [job, image])).toEqual([["zlib 1.3 (debian:13)", "debian:13"]]);
    expect(viewJobs(submitted(), { job: "host", offset: 0, limit: 9 }).jobs[0]?.image).toBeNull();
  });
});
