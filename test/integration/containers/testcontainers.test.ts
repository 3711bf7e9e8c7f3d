import { connect } from "nats";
import { afterAll, describe, expect, test } from "vitest";
import { startCoordinator } from "../../../coordinator/coordinator.ts";
import { connectBus } from "../../../shared/bus/connection.ts";
import { connect as connectClient } from "../../../shared/client/index.ts";
import { startTestDocker } from "../../support/docker.ts";
import { makeNatsServerImage } from "../../support/image.ts";
import { jobsOf } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";

const image = "millrace-test/nats-server:1";
const docker = await startTestDocker();

describe.skipIf(docker === undefined)("nats-server in a container", () => {
  afterAll(async () => docker?.stop());

  test("carries a whole run", async () => {
    if (docker === undefined) return;
    await makeNatsServerImage(docker, image);
    // The reaper is an image of its own from a registry, which tests can't count on.
    process.env.TESTCONTAINERS_RYUK_DISABLED = "true";
    const { GenericContainer, Wait } = await import("testcontainers");
    const container = await new GenericContainer(image)
      .withExposedPorts(4222)
      .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
      .start();
    try {
      const servers = `nats://${container.getHost()}:${container.getMappedPort(4222)}`;
      const connection = await connect({ servers });
      expect(connection.info?.jetstream).toBe(true);
      await connection.close();
      const coordinator = await startCoordinator({ server: servers, namespace: "default", log: silentLog });
      const bus = await connectBus({ server: servers, namespace: "default", name: "test" });
      const agent = new ScriptedAgent(bus);
      const client = await connectClient({ server: servers });
      const { run } = await client.submit({
        jobs: jobsOf({ a: {}, b: { needs: ["a"] }, c: { needs: ["a", "b"] } }),
      });
      expect(await client.waitFor(run)).toMatchObject({ status: "succeeded", counts: { succeeded: 3 } });
      agent.stop();
      await client.close();
      await bus.close();
      await coordinator.stop();
    } finally {
      await container.stop();
    }
  });
});
