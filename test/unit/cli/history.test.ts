import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jobListing } from "../../../coordinator/cli/commands/jobs.ts";
import {
  everything,
  historyShape,
  jobFilterOf,
  limitOf,
  periodOf,
} from "../../../coordinator/cli/history/history-filter.ts";
import { atMost, latestRuns, type PastJob, pastJobs } from "../../../coordinator/cli/history/job-history.ts";
import { printListing } from "../../../coordinator/cli/history/listing.ts";
import type { JobFilter, JobView, RunView } from "../../../shared/client/index.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { sampleRunView } from "../../support/run-view.ts";
import { CapturedTerminal } from "./captured-terminal.ts";

const MINUTE_MS = 60_000;
const iso = (minute: number): string => new Date(minute * MINUTE_MS).toISOString();

/** A run from one minute to another. */
function runView(run: string, from: number, to: number | null = from + 1): RunView {
  const status = to === null ? "running" : "succeeded";
  return sampleRunView({ run, status, submittedAt: iso(from), endedAt: to === null ? null : iso(to) });
}

/** A job that has run from that minute on, or has not run. */
function jobView(job: string, begun: number | null, change: Partial<JobView> = {}): JobView {
  const attempt: JobView["attempts"][number] = {
    attempt: 1,
    agent: "build7",
    outcome: { kind: "succeeded" },
    startedAt: begun === null ? null : iso(begun),
    endedAt: null,
    returned: null,
    wallMs: 1_500,
    cpuMs: null,
    peakMemoryBytes: null,
    logBytes: 0,
    ranOn: { host: "debian 12" },
    implicit: false,
    progress: null,
  };
  return {
    job,
    index: 0,
    phase: begun === null ? "blocked" : "succeeded",
    priority: 500,
    image: null,
    attempts: begun === null ? [] : [attempt],
    artifact: null,
    rootCause: null,
    reason: null,
    carriedFrom: null,
    reusedFrom: null,
    ...change,
  };
}

/** Jobs by run; whose were asked for, in order. A run that is not there was removed. */
class KeptJobs {
  readonly asked: string[] = [];
  readonly #jobs: ReadonlyMap<string, readonly JobView[]>;

  constructor(jobs: Readonly<Record<string, readonly JobView[]>>) {
    this.#jobs = new Map(Object.entries(jobs));
  }

  async *jobs(run: string): AsyncIterable<JobView> {
    this.asked.push(run);
    const jobs = this.#jobs.get(run);
    if (jobs === undefined) throw new MillraceError("notFound", `there is no run ${run}`);
    yield* jobs;
  }
}

const input = (words: Record<string, unknown>) => z.object(historyShape).parse(words);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe("the history of jobs", () => {
  const runs = [runView("r3", 30), runView("r2", 20, 29), runView("r1", 10)];
  const kept = () =>
    new KeptJobs({
      r3: [jobView("late", 30)],
      r2: [jobView("a", 21), jobView("b", 28), jobView("never", null)],
      r1: [jobView("old", 10)],
    });

  async function namesWithin(words: Record<string, unknown>, client = kept()): Promise<string[]> {
    const period = periodOf(input(words), 31 * MINUTE_MS);
    return (await collect(pastJobs(client, runs, {}, period))).map(({ job }) => job.job);
  }

  it("goes by when a job began, and by the submission where it has not run", async () => {
    expect(await namesWithin({ newerThan: "5m" })).toEqual(["late", "b"]);
    expect(await namesWithin({ olderThan: iso(21), newerThan: iso(12) })).toEqual(["never"]);
  });

  it("asks for the jobs of no run that has none in the period", async () => {
    const client = kept();
    expect(await namesWithin({ olderThan: iso(19) }, client)).toEqual(["old"]);
    expect(await namesWithin({ newerThan: iso(29) }, client)).toEqual(["late"]);
    expect(client.asked).toEqual(["r1", "r3"]);
  });

  it("asks for no run behind the last job that is listed", async () => {
    const client = kept();
    const found = await collect(atMost(2, pastJobs(client, runs, {}, everything)));
    expect(found.map(({ job }) => job.job)).toEqual(["late", "a"]);
    expect(client.asked).toEqual(["r3", "r2"]);
    expect(await collect(atMost(0, pastJobs(kept(), runs, {}, everything)))).toHaveLength(5);
  });

  it("goes on behind a run that was removed after it was listed", async () => {
    const client = new KeptJobs({ r1: [jobView("old", 10)] });
    const found = await collect(pastJobs(client, runs, {}, everything));
    expect(found.map(({ run }) => run.run)).toEqual(["r1"]);
  });

  it("has each run once, also when others come while it is read", async () => {
    const client = {
      async *runs() {
        yield* [runView("r2", 2), runView("r1", 1), runView("r1", 1), runView("r0", 0)];
      },
    };
    expect((await collect(latestRuns(client))).map(({ run }) => run)).toEqual(["r2", "r1", "r0"]);
  });

  it("is refused where the coordinator does not know the filter, rather than be of all jobs", async () => {
    const { image: _, ...older } = jobView("a", 1);
    const filter: JobFilter = { env: [["A", "1"]] };
    const found = collect(pastJobs(new KeptJobs({ r1: [older] }), [runView("r1", 0)], filter, everything));
    await expect(found).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("what is asked of jobs", () => {
  it("is for 50 of all runs, and for all of a run that is named", () => {
    expect([limitOf({}), limitOf({}, "last"), limitOf({ limit: 3 }, "last"), limitOf({ limit: 0 })]).toEqual([
      50, 0, 3, 0,
    ]);
  });

  it("is nothing without an option", () => {
    expect(jobFilterOf(input({}), {})).toBeUndefined();
  });

  it("has a package as the start of names, which no other package's have", () => {
    expect(jobFilterOf(input({ package: "zlib", agent: "build7" }), {})).toEqual({
      namePrefix: "zlib ",
      agent: "build7",
    });
  });

  it("takes a variable with its value, or as it is set here", () => {
    const env = ["A=b=c", "HOME"];
    expect(jobFilterOf(input({ env }), { HOME: "/root" })?.env).toEqual([
      ["A", "b=c"],
      ["HOME", "/root"],
    ]);
    expect(() => jobFilterOf(input({ env: ["NOWHERE"] }), {})).toThrow("NOWHERE is not set here");
  });
});

describe("a listing", () => {
  async function* many(count: number): AsyncGenerator<PastJob> {
    const run = runView("r1", 0);
    for (let index = 0; index < count; index++) {
      const from = { run: "r0", job: "x", attempt: 1, agent: "build7" };
      const reused = index % 2 === 1 ? { attempts: [], reusedFrom: from, image: "debian:12" } : {};
      yield { run, job: jobView(`job, ${index}`, 1, reused), at: iso(1) };
    }
  }

  it("tells of each job whether it ran, where, and when", async () => {
    const terminal = new CapturedTerminal();
    await printListing(terminal, many(2), jobListing(0), { csv: false, json: false });
    expect(terminal.out).toBe(
      `r1\tjob, 0\tsucceeded\trun\tbuild7\t${iso(1)}\t1.5 s\tdebian 12\t-\n` +
        `r1\tjob, 1\tsucceeded\treused from r0\t-\t${iso(1)}\t-\tdebian:12\t-\n`,
    );
  });

  it("quotes comma-separated values", async () => {
    const terminal = new CapturedTerminal();
    await printListing(terminal, many(1), jobListing(0), { csv: true, json: false });
    expect(terminal.out).toBe(`r1,"job, 0",succeeded,run,build7,${iso(1)},1.5 s,debian 12,-\n`);
  });

  it("is whole and has its titles once, however long it is", async () => {
    const terminal = new CapturedTerminal();
    Object.assign(terminal, { outIsTerminal: true });
    await printListing(terminal, many(1_201), jobListing(0), { csv: false, json: false });
    const lines = terminal.out.trimEnd().split("\n");
    expect(lines).toHaveLength(1_202);
    expect(lines.filter((line) => line.startsWith("RUN"))).toHaveLength(1);
    expect(lines.at(-1)).toContain("job, 1200");
  });

  it("of nothing says so, and is an empty list in JSON", async () => {
    const terminal = new CapturedTerminal();
    await printListing(terminal, many(0), jobListing(0), { csv: true, json: false });
    expect(terminal).toMatchObject({ out: "", notes: ["there is no such job"] });
    await printListing(terminal, many(0), jobListing(0), { csv: false, json: true });
    expect(terminal.out).toBe("[]\n");
  });
});
