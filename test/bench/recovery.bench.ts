import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openJournal } from "../../coordinator/journal/jetstream-journal.ts";
import { type Bus, connectBus } from "../../shared/bus/connection.ts";
import { ensureStreams } from "../../shared/bus/streams.ts";
import { putDocument } from "../../shared/store/document.ts";
import { JetStreamObjects } from "../../shared/store/jetstream-objects.ts";
import { storeHalfDoneRun } from "../support/half-done-run.ts";
import { layeredJobs } from "../support/layered-graph.ts";
import { startNatsServer } from "../support/nats-server.ts";
import { ScriptedAgent } from "../support/scripted-agent.ts";
import { waitUntil } from "../support/wait-until.ts";

const COUNT = Number(process.env.MILLRACE_BENCH_JOBS ?? 100_000);
const WIDTH = Number(process.env.MILLRACE_BENCH_WIDTH ?? 50);
/** Records behind the last snapshot: as many as there can be before the next one is written. Below 0: no snapshot. */
const TAIL = Number(process.env.MILLRACE_BENCH_TAIL ?? COUNT / 2);
const ROUNDS = Number(process.env.MILLRACE_BENCH_ROUNDS ?? 3);
const TARGET_MS = 3_000;
/** Leases of agents that do not come back. */
const LEASED = 8;

const main = fileURLToPath(new URL("../../dist/coordinator/cli/main.js", import.meta.url));
const preload = fileURLToPath(new URL("../support/process-report.mjs", import.meta.url));

interface Recovery {
  readonly firstRequestMs: number;
  readonly heldMs: number;
  readonly peakBytes: number;
  readonly cpuMs: number;
}

it("asks an agent for the next job within 3 s of its start, half way through a large run", {
  timeout: 900_000,
}, async () => {
  await using server = await startNatsServer();
  const bus = await connectBus({ server: server.url, name: "bench", namespace: "default" });
  await ensureStreams(bus);
  const { journal, eventLog, openSnapshots, close } = openJournal(bus);
  const objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() });
  const jobs = layeredJobs(COUNT, WIDTH);
  const graph = await putDocument(objects, "graph", { jobs });
  const finished = COUNT / 2;
  const snapshots = openSnapshots(objects, (_run, reason) => {
    throw new Error(`a snapshot is left aside: ${reason}`);
  });
  const half = { run: "half", jobs, graph, finished, leased: LEASED, ...(TAIL < 0 ? {} : { tail: TAIL }) };
  await storeHalfDoneRun(half, { journal, eventLog, snapshots });
  const rows: Recovery[] = [];
  for (let round = 0; round < ROUNDS; round++) rows.push(await recover(server.url, bus, `agent-${round}`));
  report([
    `recovery, ${COUNT} jobs in layers of ${WIDTH}, half done, ${TAIL < 0 ? "no snapshot" : `${TAIL} records behind a snapshot`}; median of ${ROUNDS}; ${cpus().length} cores, Node ${process.version}`,
    `  first job request   ${median(rows.map((row) => row.firstRequestMs)).toFixed(0)} ms after the process was started`,
    `  event loop held     ${median(rows.map((row) => row.heldMs)).toFixed(0)} ms at most`,
    `  CPU time            ${median(rows.map((row) => row.cpuMs)).toFixed(0)} ms from start to end`,
    `  peak memory         ${(median(rows.map((row) => row.peakBytes)) / 2 ** 20).toFixed(0)} MiB`,
  ]);
  close();
  objects.close();
  await bus.close();
  expect(median(rows.map((row) => row.firstRequestMs))).toBeLessThan(TARGET_MS);
});

/** Starts a coordinator and ends it once it has asked a new agent, the only one that is there, for a job. */
async function recover(server: string, bus: Bus, name: string): Promise<Recovery> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const reportFile = join(folder, "report.json");
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
  const profile = process.env.MILLRACE_BENCH_PROFILE;
  const child = spawn(
    process.execPath,
    [
      ...(profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profile]),
      "--import",
      preload,
      main,
      "coordinator",
    ],
    {
      env: { ...process.env, MILLRACE_SERVER: server, MILLRACE_PROCESS_REPORT: reportFile },
      stdio: "ignore",
    },
  );
  const exited = once(child, "exit");
  await waitUntil("a job is requested", () => requestedAt, { intervalMs: 5, timeoutMs: 120_000 });
  agent.stop();
  child.kill("SIGTERM");
  await exited;
  const taken = JSON.parse(readFileSync(reportFile, "utf8")) as Omit<Recovery, "firstRequestMs">;
  rmSync(folder, { recursive: true });
  return { firstRequestMs: (requestedAt ?? Number.NaN) - startedAt, ...taken };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
