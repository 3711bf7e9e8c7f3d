import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Client, JobView } from "../../shared/client/index.ts";
import { Cluster, type ClusterOptions } from "../support/cluster.ts";
import { waitUntil } from "../support/wait-until.ts";

let cluster: Cluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function start(options: ClusterOptions): Promise<Cluster> {
  cluster = await Cluster.start(options);
  return cluster;
}

/** A script that writes its shell's process id and then runs for long. */
const long = (file: string) => ({ script: `echo $$ > ${file}; sleep 1000 & wait` });

async function pidIn(file: string): Promise<number> {
  let pid = 0;
  await waitUntil(`${file} names a process`, async () => {
    pid = Number(await readFile(file, "utf8").catch(() => "0"));
    return pid > 0;
  });
  return pid;
}

/** Whether a process is there and no zombie. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

async function jobsOf(client: Client, run: string): Promise<Record<string, JobView>> {
  const jobs: Record<string, JobView> = {};
  for await (const job of client.jobs(run)) jobs[job.job] = job;
  return jobs;
}

describe("cancelling", () => {
  it("reaches a job's process within a second", async () => {
    const { client, folder } = await start({ agents: 1 });
    const tookMs: number[] = [];
    for (let round = 0; round < 5; round++) {
      const file = join(folder, `pid-${round}`);
      const { run } = await client.submit({ jobs: [{ name: "long", run: long(file) }] });
      const pid = await pidIn(file);
      const startedMs = performance.now();
      await client.cancel(run);
      await waitUntil("the process is gone", async () => !(await isAlive(pid)));
      tookMs.push(performance.now() - startedMs);
      expect((await client.waitFor(run)).status).toBe("cancelled");
    }
    expect(Math.max(...tookMs)).toBeLessThan(1_000);
  });

  it("is not lost while the coordinator is replaced, and may be repeated", async () => {
    const { client, folder } = await start({ agents: 1 });
    const file = join(folder, "pid");
    const { run } = await client.submit({ jobs: [{ name: "long", run: long(file) }] });
    const pid = await pidIn(file);
    await cluster?.end("coordinator", "SIGKILL");
    const patient = client.cancel(run, { reason: "wrong branch" });
    cluster?.startCoordinator();
    expect(await patient).toMatchObject({ status: "cancelling" });
    await waitUntil("the process is gone", async () => !(await isAlive(pid)));
    expect(await client.waitFor(run)).toMatchObject({ status: "cancelled", reason: "wrong branch" });
    expect(await client.cancel(run)).toEqual({ cancelled: false, status: "cancelled" });
  });

  it("takes all runs of one submitter and no others", async () => {
    const { client, folder } = await start({ agents: 1, slots: 4 });
    const runs: Record<string, string> = {};
    for (const [run, submitter] of [
      ["one", "ada"],
      ["two", "ada"],
      ["three", "bob"],
    ] as const) {
      await client.submit({ jobs: [{ name: "long", run: long(join(folder, run)) }] }, { run, submitter });
      runs[run] = String(await pidIn(join(folder, run)));
    }
    const cancelled: string[] = [];
    for await (const { run } of client.cancelAll({ submitter: "ada" })) cancelled.push(run);
    expect(cancelled.sort()).toEqual(["one", "two"]);
    for (const run of cancelled) expect((await client.waitFor(run)).status).toBe("cancelled");
    expect(await isAlive(Number(runs.three))).toBe(true);
    await client.cancel("three");
    await client.waitFor("three");
  });
});

describe("a retry", () => {
  it("of a job goes to the other agent, and every attempt keeps its log", async () => {
    const { client } = await start({ agents: 2, slots: 1 });
    const { run } = await client.submit({
      jobs: [{ name: "a", run: { script: 'echo "$MILLRACE_ATTEMPT"; exit 3' }, retries: { max: 1 } }],
    });
    await client.waitFor(run);
    const { a } = await jobsOf(client, run);
    expect(a?.attempts.map(({ agent }) => agent).sort()).toEqual(["a1", "a2"]);
    for (const attempt of [1, 2]) {
      const [line] = await client.logTail(run, "a", 1, { attempt });
      expect(line).toContain(`/${attempt}/`);
    }
  });

  it("of a run has the artifacts of the earlier one, and runs only what failed there", async () => {
    const { client, folder } = await start({ agents: 1 });
    const ok = join(folder, "ok");
    const count = (name: string) => `echo x >> ${join(folder, name)}`;
    const inputs = '"$MILLRACE_INPUTS"';
    const { run: first } = await client.submit({
      jobs: [
        { name: "make", run: { script: `${count("make")}; echo made > out; echo log` }, outputs: ["out"] },
        {
          name: "test",
          needs: [{ job: "make" }],
          run: { script: `${count("test")}; grep -q made ${inputs}/make/out && test -e ${ok}` },
        },
        {
          name: "pack",
          needs: [{ job: "test" }, { job: "make" }],
          run: { script: `${count("pack")}; cp ${inputs}/make/out packed` },
          outputs: ["packed"],
        },
      ],
    });
    expect((await client.waitFor(first)).status).toBe("failed");
    const { run: second } = await client.retry(first);
    expect((await client.waitFor(second)).status).toBe("failed");
    await writeFile(ok, "");
    const { run: third } = await client.retry(second);
    expect(await client.waitFor(third)).toMatchObject({ status: "succeeded", retryOf: second });
    for (const [name, times] of [
      ["make", 1],
      ["test", 3],
      ["pack", 1],
    ] as const) {
      expect((await readFile(join(folder, name), "utf8")).length, name).toBe(2 * times);
    }
    const jobs = await jobsOf(client, third);
    expect(jobs.make).toMatchObject({ phase: "succeeded", carriedFrom: first, attempts: [] });
    expect(await client.logTail(third, "make", 1)).toEqual(["log"]);
    const pieces: Uint8Array[] = [];
    for await (const piece of client.openArtifactFile({ run: third, job: "make" }, "out")) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe("made\n");
  });
});
