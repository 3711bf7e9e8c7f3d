import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openJournal } from "../../coordinator/journal/jetstream-journal.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { type Bus, connectBus } from "../../shared/bus/connection.ts";
import { heartbeatSchema, ordersSchema } from "../../shared/model/messages.ts";
import { Cluster, type ClusterOptions } from "../support/cluster.ts";
import { layeredJobs } from "../support/layered-graph.ts";
import { waitUntil } from "../support/wait-until.ts";

const coordinators = ["coordinator", "coordinator-2"];
const codec = new MessageCodec();
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

/** A cluster with a standby, and a look at what passes between coordinators and agents. */
async function start(options: ClusterOptions): Promise<{ cluster: Cluster; bus: Bus }> {
  const cluster = await Cluster.start(options);
  cleanups.push(() => cluster.stop());
  cluster.startCoordinator("coordinator-2");
  const bus = await connectBus({ server: cluster.server.url, namespace: "default", name: "test" });
  cleanups.push(() => bus.close());
  await waitUntil("the standby stands by", async () => (await standbys(cluster)) === 1, {
    timeoutMs: 30_000,
    diagnose: () => cluster.logs(),
  });
  return { cluster, bus };
}

async function standbys(cluster: Cluster): Promise<number> {
  return (await cluster.client.status()).standbys.length;
}

/** The name of the process that leads, by its own account, and its epoch. */
async function leader(cluster: Cluster): Promise<{ name: string; epoch: number }> {
  let latest = { name: "", epoch: 0 };
  for (const name of coordinators) {
    for (const [, epoch] of (await cluster.log(name)).matchAll(/"epoch":(\d+)[^\n]*"msg":"leading"/g)) {
      if (Number(epoch) > latest.epoch) latest = { name, epoch: Number(epoch) };
    }
  }
  return latest;
}

/** When a job was first ordered to start by a leader of an epoch above the given one. */
function firstStartAbove(bus: Bus, epoch: number): { atMs: number | undefined } {
  const seen: { atMs: number | undefined } = { atMs: undefined };
  bus.connection.subscribe(bus.subjects.toAgentToken("*"), {
    callback: (_error, message) => {
      const batch = ordersSchema.parse(codec.decode(message.data));
      const isStart = batch.epoch > epoch && batch.orders.some((order) => order.kind === "start");
      if (isStart) seen.atMs ??= performance.now();
    },
  });
  return seen;
}

async function marks(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const name of await readdir(folder)) {
    found.set(name, (await readFile(join(folder, name), "utf8")).trim().split("\n"));
  }
  return found;
}

describe("two coordinators", () => {
  it.each([
    { how: "is killed", signal: "SIGKILL", withinMs: 5_000 },
    { how: "is stopped", signal: "SIGTERM", withinMs: 1_000 },
  ] as const)(
    "go on with a run of 10,000 jobs within $withinMs ms when the leader $how",
    async ({ signal, withinMs }) => {
      const { cluster, bus } = await start({ agents: 2, slots: 2 });
      const { client } = cluster;
      const { run } = await client.submit({ jobs: layeredJobs(10_000, 100) });
      await waitUntil("300 jobs are done", async () => (await client.run(run)).counts.succeeded >= 300, {
        timeoutMs: 60_000,
        intervalMs: 100,
        diagnose: () => cluster.logs(),
      });
      const { name, epoch } = await leader(cluster);
      const next = firstStartAbove(bus, epoch);
      const beganMs = performance.now();
      process.kill(cluster.pid(name), signal);
      const atMs = await waitUntil("a job is started by the next", () => next.atMs, {
        timeoutMs: 30_000,
        diagnose: () => cluster.logs(),
      });
      process.stderr.write(`first start after the leader ${signal}: ${Math.round(atMs - beganMs)} ms\n`);
      expect(atMs - beganMs).toBeLessThan(withinMs);
      await client.cancel(run);
    },
  );

  it("end a run right when the leader is paused across a takeover, with work of it under way", async () => {
    const { cluster, bus } = await start({ agents: 2, slots: 4 });
    const { client, folder } = cluster;
    const refusedByAgents = new Map<string, number>();
    bus.connection.subscribe(bus.subjects.heartbeatAll(), {
      callback: (_error, message) => {
        const { agent, refused } = heartbeatSchema.parse(codec.decode(message.data));
        for (const [reason, count] of refused) {
          if (reason === "oldEpoch") refusedByAgents.set(agent, count);
        }
      },
    });
    /** Batches of an epoch below one that has spoken to the agent before. */
    const lateOrders = new Map<string, number>();
    const highest = new Map<string, number>();
    bus.connection.subscribe(bus.subjects.toAgentToken("*"), {
      callback: (_error, message) => {
        const agent = message.subject.split(".").at(-2) ?? "";
        const { epoch } = ordersSchema.parse(codec.decode(message.data));
        if (epoch < (highest.get(agent) ?? 0)) lateOrders.set(agent, (lateOrders.get(agent) ?? 0) + 1);
        else highest.set(agent, epoch);
      },
    });
    const folderOfMarks = join(folder, "marks");
    await mkdir(folderOfMarks);
    const script = `echo "$MILLRACE_ATTEMPT" >> '${folderOfMarks}'/$NAME`;
    const graphs = await Promise.all(
      ["one", "two", "three"].map((name) =>
        client.submit({
          jobs: layeredJobs(700, 350).map((job) => ({
            ...job,
            env: [["NAME", `${name}-${job.name}`]],
            run: { script },
          })),
        }),
      ),
    );
    await waitUntil("200 jobs have run", async () => (await readdir(folderOfMarks)).length >= 200, {
      timeoutMs: 60_000,
      diagnose: () => cluster.logs(),
    });
    const paused = await leader(cluster);
    process.kill(cluster.pid(paused.name), "SIGSTOP");
    const next = firstStartAbove(bus, paused.epoch);
    await waitUntil("the other one leads", () => next.atMs, {
      timeoutMs: 30_000,
      diagnose: () => cluster.logs(),
    });
    process.kill(cluster.pid(paused.name), "SIGCONT");
    await waitUntil("the paused one stands by", async () =>
      (await cluster.log(paused.name)).includes("deposed"),
    );
    for (const { run } of graphs) expect((await client.waitFor(run)).status).toBe("succeeded");
    const { journal, close } = openJournal(bus);
    for (const { run } of graphs) {
      const epochs: number[] = [];
      for await (const entry of journal.read(run)) epochs.push(entry.epoch);
      expect(epochs).toEqual([...epochs].sort((one, other) => one - other));
      expect(new Set(epochs)).toEqual(new Set([paused.epoch, paused.epoch + 1]));
    }
    close();
    for (const [agent, batches] of lateOrders) {
      await waitUntil(
        `${agent} says that it has refused what the paused one ordered`,
        () => (refusedByAgents.get(agent) ?? 0) >= batches,
        { diagnose: () => [...refusedByAgents] },
      );
    }
    const runs = await marks(folderOfMarks);
    expect(runs.size).toBe(2_100);
    expect([...runs].filter(([, lines]) => lines.length > 1)).toEqual([]);
    expect(await standbys(cluster)).toBe(1);
    expect((await leader(cluster)).epoch).toBe(paused.epoch + 1);
  });
});
