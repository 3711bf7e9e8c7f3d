import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import { Cluster, type ClusterOptions } from "../support/cluster.ts";
import { layeredJobs } from "../support/layered-graph.ts";
import { waitUntil } from "../support/wait-until.ts";

let cluster: Cluster | undefined;

async function start(options: ClusterOptions): Promise<Cluster> {
  cluster = await Cluster.start(options);
  return cluster;
}
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** The same graph, where each job leaves a mark each time that it runs. */
function marking(jobs: readonly JobSpecInput[], folder: string, script: string): JobSpecInput[] {
  return jobs.map((job) => ({
    ...job,
    run: { script: `${script}\necho "$MILLRACE_ATTEMPT" >> '${folder}'/${job.name}` },
  }));
}

async function marks(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const name of await readdir(folder)) {
    found.set(name, (await readFile(join(folder, name), "utf8")).trim().split("\n"));
  }
  return found;
}

describe("a cluster of processes", () => {
  it("runs a layered graph on three agents, each job once and after its needs", async () => {
    const { client, folder } = await start({ agents: 3, slots: 2 });
    const folderOfMarks = join(folder, "marks");
    await mkdir(folderOfMarks);
    const jobs = marking(layeredJobs(300, 20), folderOfMarks, "true");
    const { run } = await client.submit({ jobs });
    const finished: string[] = [];
    const agents = new Set<string>();
    for await (const event of client.watch(run)) {
      if (event.type === "job.succeeded") {
        const needs = jobs.find((job) => job.name === event.job)?.needs ?? [];
        for (const need of needs) expect(finished).toContain(need.job);
        finished.push(event.job);
        agents.add(event.agent);
      }
    }
    expect(finished).toHaveLength(300);
    expect(agents.size).toBe(3);
    for (const lines of (await marks(folderOfMarks)).values()) expect(lines).toHaveLength(1);
  });

  it("ends a run right when its coordinator is killed again and again, and runs nothing twice", async () => {
    const { client, folder } = await start({ agents: 2, slots: 2 });
    const folderOfMarks = join(folder, "marks");
    await mkdir(folderOfMarks);
    const { run } = await client.submit({
      jobs: marking(layeredJobs(200, 20), folderOfMarks, "sleep 0.05"),
    });
    for (const doneBefore of [20, 80, 140]) {
      await waitUntil(
        `${doneBefore} jobs are done`,
        async () => (await readdir(folderOfMarks)).length >= doneBefore,
        { timeoutMs: 60_000, diagnose: () => cluster?.logs() },
      );
      await cluster?.end("coordinator", "SIGKILL");
      cluster?.startCoordinator();
    }
    const view = await client.waitFor(run);
    expect(view.status).toBe("succeeded");
    const runs = await marks(folderOfMarks);
    expect(runs.size).toBe(200);
    const repeated = [...runs].filter(([, lines]) => lines.length > 1);
    expect(repeated).toEqual([]);
  });

  it("hands a job the artifacts of 1,200 others", async () => {
    const { client } = await start({ agents: 1, slots: 4 });
    const parts = Array.from({ length: 1200 }, (_, index) => ({
      name: `p${index}`,
      run: { script: `echo ${index} > part` },
      outputs: ["part"],
    }));
    const merge = {
      name: "merge",
      needs: parts.map(({ name }) => ({ job: name })),
      run: { script: 'cat "$MILLRACE_INPUTS"/*/part | sort -n | uniq | wc -l' },
    };
    const { run } = await client.submit({ jobs: [...parts, merge] });
    expect((await client.waitFor(run)).status).toBe("succeeded");
    expect(await client.logTail(run, "merge", 1)).toEqual(["1200"]);
  });

  it("gives the jobs of an agent that was killed to the others", async () => {
    const { client } = await start({ agents: 2, slots: 1 });
    const { run } = await client.submit({
      jobs: [
        { name: "a", run: { script: "sleep 2" } },
        { name: "b", run: { script: "sleep 2" } },
      ],
    });
    const victim = await waitUntil("both run", async () => {
      const running: string[] = [];
      for await (const job of client.jobs(run)) {
        if (job.phase === "running") running.push(job.attempts.at(-1)?.agent ?? "");
      }
      return running.length === 2 ? running[0] : undefined;
    });
    await cluster?.end(victim, "SIGKILL");
    const view = await client.waitFor(run);
    expect(view.status).toBe("succeeded");
    cluster?.startAgent(victim);
    await cluster?.waitForAgents(2);
  });
});
