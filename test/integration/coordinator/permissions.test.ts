import { describe, expect, it } from "vitest";
import { startCoordinator } from "../../../coordinator/coordinator.ts";
import type { Logger } from "../../../shared/actor/contract.ts";
import { connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** A server that denies its user something, and what a coordinator on it has logged as errors. */
async function place(permissions: string) {
  const config = `authorization { users: [
    {user: me, password: me, permissions: {${permissions}}}, {user: admin, password: admin}] }`;
  const server = await startNatsServer({ config });
  const errors: string[] = [];
  const log: Logger = { ...silentLog, error: (_fields, message) => errors.push(message) };
  const start = () => startCoordinator({ server: urlOf(server, "me"), namespace: "t", log });
  return { server, errors, start };
}

function urlOf({ port }: TestServer, user: string): string {
  return `nats://${user}:${user}@127.0.0.1:${port}`;
}

describe("a coordinator whose server denies it a subject", () => {
  it.each([
    ["the API", 'subscribe: {deny: "millrace.t.api.submit"}', "subscribing to millrace.t.api.submit"],
    ["agents", 'subscribe: {deny: "millrace.t._.from.>"}', "subscribing to millrace.t._.from.*.*"],
    ["services", 'subscribe: {deny: "$SRV.>"}', "subscribing to $SRV."],
    ["the journal", 'publish: {deny: "millrace.t._.journal.>"}', "publishing to millrace.t._.journal.leader"],
  ])("ends, and says which one: %s", async (_what, permissions, denied) => {
    const { server, errors, start } = await place(permissions);
    await using _server = server;
    const coordinator = await start();
    expect(await coordinator.ended).toBe("failed");
    expect(errors.filter((error) => error.startsWith(`permission denied: ${denied}`))).not.toEqual([]);
  });

  it("does not wait for streams that it may not look at", async () => {
    const { server, errors, start } = await place('publish: {deny: "$JS.API.STREAM.>"}');
    await using _server = server;
    const why = { code: "unavailable", message: expect.stringContaining("$JS.API.STREAM.") };
    await expect(start()).rejects.toMatchObject(why);
    expect(errors.length).toBeGreaterThan(0);
  });

  it("goes on without what only tells of it", async () => {
    const { server, errors, start } = await place('publish: {deny: ["millrace.t._.dead"]}');
    await using _server = server;
    const coordinator = await start();
    const bus = await connectBus({ server: urlOf(server, "admin"), namespace: "t", name: "test" });
    // Until the leader listens.
    await waitUntil("the refusal is told", () => {
      bus.connection.publish("millrace.t._.from.nobody.hello", "rubbish");
      return errors.length > 0;
    });
    expect(errors).toEqual(["permission denied: publishing to millrace.t._.dead"]);
    expect(await callApi(bus, "status", {})).toMatchObject({ namespace: "t" });
    await bus.close();
    await coordinator.stop();
  });
});
