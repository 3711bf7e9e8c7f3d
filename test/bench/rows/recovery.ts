/** Row 12: a coordinator that is started on a large run, half done, until an agent is asked for the next job. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../../coordinator/journal/jetstream-journal.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { putDocument } from "../../../shared/store/document.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { storeHalfDoneRun } from "../../support/half-done-run.ts";
import { layeredJobs } from "../../support/layered-graph.ts";
import { startNatsServer } from "../../support/nats-server.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { atMost } from "../line.ts";
import { type CoordinatorReport, MeasuredCoordinator } from "../measured-coordinator.ts";
import type { Bench, Product, Row, RowResult } from "../row.ts";

export const recovery: Row = { number: 12, name: "recovery", measure };

const WIDTH = 50;
/** Leases of agents that do not come back. */
const LEASED = 8;
const REQUEST_LIMIT_MS = 120_000;

interface Recovery extends CoordinatorReport {
  readonly firstRequestMs: number;
}

async function measure(bench: Bench): Promise<RowResult> {
  const count = bench.isShort ? 2_000 : 100_000;
  await using server = await startNatsServer();
  const bus = await connectBus({ server: server.url, name: "bench", namespace: "default" });
  await ensureStreams(bus);
  await storeHalfOf(count, bus);
  const found: Recovery[] = [];
  for (let round = 0; round < bench.rounds; round++)
    found.push(await recover(bench.product, server.url, bus, `agent-${round}`));
  await bus.close();
  const what = `recovery of ${count} jobs, half done`;
  return {
    lines: [
      {
        what: `${what}: first request after the start`,
        ours: { unit: "ms", values: found.map(({ firstRequestMs }) => firstRequestMs) },
        target: atMost(3_000),
      },
      {
        what: `${what}: longest step of the event loop`,
        ours: { unit: "ms", values: found.map(({ heldMs }) => heldMs) },
        target: atMost(250),
      },
      {
        what: `${what}: peak memory`,
        ours: { unit: "MiB", values: found.map(({ peakBytes }) => peakBytes / 2 ** 20) },
        target: atMost(512),
      },
    ],
  };
}

/** As many records as there can be are behind the last snapshot. */
async function storeHalfOf(count: number, bus: Bus): Promise<void> {
  const { journal, eventLog, openSnapshots, close } = openJournal(bus);
  const objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() });
  const jobs = layeredJobs(count, WIDTH);
  const graph = await putDocument(objects, "graph", { jobs });
  const snapshots = openSnapshots(objects, (_run, reason) => {
    throw new Error(`a snapshot is left aside: ${reason}`);
  });
  const half = { run: "half", jobs, graph, finished: count / 2, leased: LEASED, tail: count / 2 };
  await storeHalfDoneRun(half, { journal, eventLog, snapshots });
  close();
  objects.close();
}

/** Starts a coordinator and ends it once it has asked a new agent, the only one that is there, for a job. */
async function recover(product: Product, server: string, bus: Bus, name: string): Promise<Recovery> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  let requestedAt: number | undefined;
  const agent = new ScriptedAgent(bus, {
    name,
    slots: 2,
    outcome: () => {
      requestedAt ??= performance.now();
      return undefined;
    },
  });
  const startedAt = performance.now();
  const coordinator = new MeasuredCoordinator(product, server, folder);
  try {
    const at = await waitUntil("a job is requested", () => requestedAt, {
      intervalMs: 5,
      timeoutMs: REQUEST_LIMIT_MS,
      diagnose: () => coordinator.service.log(),
    });
    agent.stop();
    return { ...(await coordinator.end()), firstRequestMs: at - startedAt };
  } finally {
    agent.stop();
    await coordinator.service.end();
    await rm(folder, { recursive: true });
  }
}
