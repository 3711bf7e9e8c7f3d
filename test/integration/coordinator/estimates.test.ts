import { afterAll, beforeAll, expect, it } from "vitest";
import { startCoordinator } from "../../../coordinator/coordinator.ts";
import { connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

const chain: Sketch = { a: {}, b: { needs: ["a"] } };
const patience = { timeoutMs: 5_000 };

it("what a job took is known after the coordinator is started again, and after a collection", async () => {
  const namespace = "estimates";
  const settings = { server: server.url, namespace, log: silentLog, heartbeatMs: 200, lostAfterMs: 1500 };
  const bus = await connectBus({ server: server.url, namespace, name: "test" });
  const submit = (run: string) =>
    callApi(bus, "submit", { run, graph: { inline: { jobs: jobsOf(chain) } } }, patience);
  const view = (run: string) => callApi(bus, "run", { run, forecast: true }, patience);

  let coordinator = await startCoordinator(settings);
  const agent = new ScriptedAgent(bus, {
    outcome: ({ run }) => (run === "r1" ? succeeded : undefined),
  });
  await submit("r1");
  await waitUntil("the first run has ended", async () => (await view("r1")).endedAt !== null);
  // The collection goes through whatever is in the bucket.
  await coordinator.stop();
  coordinator = await startCoordinator(settings);
  const collect = () => callApi(bus, "gc", { collection: "c1", unreferencedForMs: 3600_000 }, patience);
  await waitUntil("everything is collected", async () => (await collect()).phase === "done", {
    timeoutMs: 30_000,
    diagnose: collect,
  });
  await coordinator.stop();

  coordinator = await startCoordinator(settings);
  await submit("r2");
  const explained = () => callApi(bus, "explain", { run: "r2", job: "b" }, patience);
  const reasons = await waitUntil(
    "the waiting job says how long it takes",
    async () => {
      const found = (await explained()).reasons.filter(({ code }) => code === "estimate");
      return found.length > 0 ? found : undefined;
    },
    { diagnose: explained },
  );
  expect(reasons.map(({ message }) => message)).toEqual(["it took 0.0 s when it ran last"]);
  await waitUntil("the run says when it ends", async () => (await view("r2")).expectedEndAt !== undefined, {
    diagnose: () => view("r2"),
  });
  const names = bus.connection.jetstream().views.os(bus.subjects.objectBucket());
  expect((await (await names).list()).map(({ name }) => name)).toContain("estimates");
  agent.stop();
  await coordinator.stop();
  await bus.close();
}, 60_000);
