import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../../shared/bus/connection.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { executionsOf } from "../executions.ts";
import type { Scenario } from "../scenario.ts";
import { agentVariables } from "../workload.ts";

const ARTIFACT_BYTES = 128 * 1024 * 1024;
/** The server is killed when so much of it has arrived. */
const ARRIVED_BYTES = 16 * 1024 * 1024;
const AWAY_MS = 1_000;

/** A server that dies while an artifact is on its way costs time and nothing else: the job is not run again. */
export const serverKilledMidArtifact: Scenario = {
  summary: "kill -9 of nats-server while an artifact of 128 MiB is being stored",
  stage: { agents: 1, coordinators: 1 },
  async play({ stage, client, say }) {
    const run = "mid-artifact";
    const link = stage.links.get("a1")!;
    const arrived = onArrival(await stage.bus("chaos"), ARRIVED_BYTES, () => link.silence());
    await client.submit({ jobs: [producer, consumer] }, { run });
    await arrived;
    const server = stage.servers.get("n1")!;
    await server.kill();
    await sleep(AWAY_MS);
    link.restore();
    await server.restart();
    const stored = await storedBytes(await stage.bus("chaos"));
    say(`killed with ${(stored / 1024 / 1024).toFixed(0)} of ${ARTIFACT_BYTES / 1024 / 1024} MiB stored`);
    assert.ok(stored < ARTIFACT_BYTES, "the artifact was not whole");

    const { status } = await client.waitFor(run);
    for await (const { job, phase, reason } of client.jobs(run)) say(`${job} ${phase} ${reason ?? ""}`);
    assert.equal(status, "succeeded");
    const [found] = await client.logTail(run, "consumer", 1);
    assert.equal(found?.split(" ")[0], digestOfArtifact());
    const executions = executionsOf(await readFile(stage.ledgerFile, "utf8"), run);
    assert.equal(executions.length, 2, `each job ran once: ${executions.join(", ")}`);
  },
};

/** Acts at once when so many bytes of objects have come to the server, and resolves. */
function onArrival({ connection, subjects }: Bus, bytes: number, act: () => void): Promise<void> {
  let arrivedBytes = 0;
  return new Promise((resolve) => {
    const subscription = connection.subscribe(`$O.${subjects.objectBucket()}.C.>`, {
      callback: (_error, message) => {
        arrivedBytes += message.data.length;
        if (arrivedBytes < bytes) return;
        subscription.unsubscribe();
        act();
        resolve();
      },
    });
  });
}

const count = `echo "$MILLRACE_ATTEMPT" >> "$${agentVariables.ledger}"`;
const consumer = {
  name: "consumer",
  needs: [{ job: "producer" }],
  run: { script: `${count}\nsha256sum < "$MILLRACE_INPUTS"/producer/big` },
};

const line = "millrace";
const producer = {
  name: "producer",
  run: { script: `${count}\nyes ${line} | head -c ${ARTIFACT_BYTES} > big` },
  outputs: ["big"],
};

function digestOfArtifact(): string {
  const block = Buffer.from(`${line}\n`.repeat(64 * 1024));
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
