import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectBus } from "../../../shared/bus/connection.ts";
import { startEmbeddedServer } from "../../../shared/bus/embedded/embedded-server.ts";
import { findServer } from "../../../shared/bus/embedded/find-server.ts";

describe("an embedded server", () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), "millrace-embedded-")), "server");
  });
  afterEach(() => rm(join(folder, ".."), { recursive: true }));

  const start = async () => startEmbeddedServer(await findServer(process.env), folder);

  test("takes only its own credentials, and keeps its files from others", async () => {
    const server = await start();
    const named = { name: "test", namespace: "ns1" };
    const bus = await connectBus({ server: server.url, ...named });
    await bus.close();
    const { port } = new URL(server.url);
    await expect(connectBus({ server: `nats://127.0.0.1:${port}`, ...named })).rejects.toMatchObject({
      code: "refused",
    });
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "nats-server.conf"))).mode & 0o777).toBe(0o600);
    await server.stop();
  });

  test("ends in order and keeps its data for the next start", async () => {
    const first = await start();
    const named = { name: "test", namespace: "ns1" };
    const bus = await connectBus({ server: first.url, ...named });
    await bus.manager.streams.add({ name: "kept", subjects: ["kept"] });
    await bus.close();
    await first.stop();
    await first.stop();
    expect(await first.ended).toMatch(/SIGTERM|exit status/);

    const second = await start();
    const again = await connectBus({ server: second.url, ...named });
    expect((await again.manager.streams.info("kept")).config.name).toBe("kept");
    await again.close();
    await second.stop();
  });

  test("that cannot be run is reported", async () => {
    await expect(
      startEmbeddedServer({ path: join(folder, "none"), version: "2.9.10" }, folder),
    ).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("ENOENT"),
    });
  });

  test("that ends at once is reported with how it ended", async () => {
    await expect(
      startEmbeddedServer({ path: "/bin/false", version: "2.9.10" }, folder),
    ).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("exit status 1"),
    });
  });
});
