import { connect } from "nats";
import { afterAll, describe, expect, test } from "vitest";
import { startTestDocker } from "../../support/docker.ts";
import { makeNatsServerImage } from "../../support/image.ts";

const image = "millrace-test/nats-server:1";
const docker = await startTestDocker();

describe.skipIf(docker === undefined)("nats-server in a container", () => {
  afterAll(async () => docker?.stop());

  test("takes clients and has JetStream", async () => {
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
      const manager = await connection.jetstreamManager();
      await manager.streams.add({ name: "s", subjects: ["s.>"] });
      const { seq } = await connection.jetstream().publish("s.1", "hello");
      expect(seq).toBe(1);
      await connection.close();
    } finally {
      await container.stop();
    }
  });
});
