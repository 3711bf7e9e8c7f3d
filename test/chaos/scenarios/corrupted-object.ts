import assert from "node:assert/strict";
import { join } from "node:path";
import type { Bus } from "../../../shared/bus/connection.ts";
import type { Client } from "../../../shared/client/index.ts";
import { ObjectSubjects, parseMeta } from "../../../shared/store/object-meta.ts";
import { waitUntil } from "../../support/wait-until.ts";
import type { Scenario, Scene } from "../scenario.ts";

const LIMIT_MS = 60_000;

/** What befalls the only chunk of an artifact. */
const damages = ["altered", "missing"] as const;
type Damage = (typeof damages)[number];

/** An artifact whose stored bytes are not what they were: nobody builds on it, and it is said why. */
export const corruptedObject: Scenario = {
  summary: "a chunk of a stored artifact altered, and one missing",
  stage: { agents: 1, coordinators: 1 },
  async play(scene) {
    const bus = await scene.stage.bus("chaos");
    for (const damage of damages) await playDamage(scene, bus, damage);
  },
};

async function playDamage({ stage, client, say }: Scene, bus: Bus, damage: Damage): Promise<void> {
  const run = `corrupted-${damage}`;
  await client.submit(
    {
      jobs: [
        { name: "make", run: { script: `yes ${damage} | head -c 100000 > made` }, outputs: ["made"] },
        { name: "use", needs: [{ job: "make" }], run: { script: "true" }, priority: 0 },
      ],
    },
    { run },
  );
  await waitUntil(
    `the artifact of ${run} is stored`,
    async () => (await client.run(run)).counts.succeeded === 1,
    {
      timeoutMs: LIMIT_MS,
      intervalMs: 50,
    },
  );
  const digest = await digestOf(client, run);
  await spoil(bus, `artifact/${digest}`, damage);
  await client.setPriority(run, 500, { job: "use" });

  assert.equal((await client.waitFor(run)).status, "failed");
  for await (const { phase, reason, attempts } of client.jobs(run, { job: "use" })) {
    say(`${damage}: the job that needs it is ${phase}: ${reason}`);
    assert.equal(phase, "failed");
    assert.equal(attempts.length, 1);
    assert.match(reason ?? "", new RegExp(`inputs could not be fetched.*make.*${digest}`));
  }
  const folder = join(stage.folder, run);
  await assert.rejects(client.downloadArtifact({ digest }, folder), { code: "corrupt" });
}

async function digestOf(client: Client, run: string): Promise<string> {
  for await (const { artifact } of client.listArtifacts(run, "make")) return artifact.digest;
  throw new Error(`${run} has no artifact`);
}

/** Puts other bytes of the same length in the place of the object's last chunk, or nothing. */
async function spoil(bus: Bus, name: string, damage: Damage): Promise<void> {
  const subjects = new ObjectSubjects(bus.subjects.objectBucket());
  const { streams } = bus.manager;
  const entry = await streams.getMessage(subjects.stream, { last_by_subj: subjects.meta(name) });
  const chunks = subjects.chunks(parseMeta(name, entry.data).nuid);
  const chunk = await streams.getMessage(subjects.stream, { last_by_subj: chunks });
  await streams.deleteMessage(subjects.stream, chunk.seq);
  if (damage === "altered")
    await bus.jetstream.publish(
      chunks,
      chunk.data.map((byte) => byte ^ 1),
    );
}
