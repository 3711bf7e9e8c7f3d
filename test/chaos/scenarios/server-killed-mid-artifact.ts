import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../../shared/bus/connection.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { executionsOf } from "../executions.ts";
import type { Scenario, Scene } from "../scenario.ts";
import { agentVariables } from "../workload.ts";

const ARTIFACT_BYTES = 128 * 1024 * 1024;
/** The server is killed when so much of it has arrived. */
const ARRIVED_BYTES = 16 * 1024 * 1024;
/** A fast machine may store it all before the kill comes. */
const TRIALS = 5;

/** A server that dies while an artifact is on its way costs time and nothing else: the job is not run again. */
export const serverKilledMidArtifact: Scenario = {
  summary: "kill -9 of nats-server while an artifact of 128 MiB is being stored",
  stage: { agents: 1, coordinators: 1 },
  async play(scene) {
    const bus = await scene.stage.bus("chaos");
    for (let trial = 1; trial <= TRIALS; trial++) if (await playTrial(scene, bus, trial)) return;
    assert.fail("the artifact was stored before the server was killed, each time");
  },
};

/** Says whether the artifact was indeed under way. */
async function playTrial({ stage, client, say }: Scene, bus: Bus, trial: number): Promise<boolean> {
  const run = `mid-artifact-${trial}`;
  const storedBefore = await storedBytes(bus);
  await client.submit({ jobs: [producer(trial), consumer] }, { run });
  await waitUntil(
    `${run} is storing its artifact`,
    async () => (await storedBytes(bus)) > storedBefore + ARRIVED_BYTES,
    {
      timeoutMs: 60_000,
      intervalMs: 2,
    },
  );
  const server = stage.servers.get("n1")!;
  await server.kill();
  await sleep(1_000);
  await server.restart();
  const stored = (await storedBytes(bus)) - storedBefore;
  say(`killed with ${(stored / 1024 / 1024).toFixed(0)} of ${ARTIFACT_BYTES / 1024 / 1024} MiB stored`);

  const { status } = await client.waitFor(run);
  assert.equal(status, "succeeded");
  const [found] = await client.logTail(run, "consumer", 1);
  assert.equal(found?.split(" ")[0], digestOf(trial));
  const executions = executionsOf(await readFile(stage.ledgerFile, "utf8"), run);
  assert.equal(executions.length, 2, `each job ran once: ${executions.join(", ")}`);
  return stored < ARTIFACT_BYTES;
}

const count = `echo "$MILLRACE_ATTEMPT" >> "$${agentVariables.ledger}"`;
const consumer = {
  name: "consumer",
  needs: [{ job: "producer" }],
  run: { script: `${count}\nsha256sum < "$MILLRACE_INPUTS"/producer/big` },
};

function producer(trial: number) {
  const script = `${count}\nyes ${line(trial)} | head -c ${ARTIFACT_BYTES} > big`;
  return { name: "producer", run: { script }, outputs: ["big"] };
}

function line(trial: number): string {
  return `line-${trial}`;
}

function digestOf(trial: number): string {
  const text = `${line(trial)}\n`;
  const block = Buffer.from(text.repeat(64 * 1024));
  const hash = createHash("sha256");
  for (let left = ARTIFACT_BYTES; left > 0; left -= block.length) hash.update(block.subarray(0, left));
  return hash.digest("hex");
}

/** Of all objects; waits for a server that has just been started. */
function storedBytes(bus: Bus): Promise<number> {
  const stream = `OBJ_${bus.subjects.objectBucket()}`;
  return waitUntil("the server tells how much it stores", async () => {
    const info = await bus.manager.streams.info(stream).catch(() => undefined);
    return info?.state;
  }).then(({ bytes }) => bytes);
}
