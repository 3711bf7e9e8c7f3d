import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { NatsRequestLine } from "../../../shared/bus/request-line.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

let server: TestServer;
let asking: Bus;
let serving: Bus;

beforeAll(async () => {
  server = await startNatsServer();
  asking = await connectBus({ server: server.url, namespace: "test", name: "asking" });
  serving = await connectBus({ server: server.url, namespace: "test", name: "serving" });
});
afterAll(async () => {
  await asking.close();
  await serving.close();
  await server.stop();
});

/** Serves a subject until the end of the test. */
async function serve(subject: string, answer: Parameters<NatsRequestLine["serve"]>[1]) {
  const cancel = new NatsRequestLine(serving).serve(subject, answer);
  await serving.connection.flush();
  return cancel;
}

const empty = new Uint8Array();

describe("a request line", () => {
  it("carries a question to who serves its subject, and the answer back", async () => {
    const cancel = await serve("line.echo.*", async (payload, subject) =>
      Buffer.concat([payload, Buffer.from(subject)]),
    );
    const answer = await new NatsRequestLine(asking).ask("line.echo.x", Buffer.from("to "), 5_000);
    expect(answer).toMatchObject({ kind: "answer" });
    if (answer.kind === "answer") expect(Buffer.from(answer.payload).toString()).toBe("to line.echo.x");
    cancel();
  });

  it("tells nobody from silence", async () => {
    const line = new NatsRequestLine(asking);
    expect(await line.ask("line.none", empty, 5_000)).toEqual({ kind: "nobody" });
    const cancels = [
      await serve("line.silent", async () => undefined),
      await serve("line.failing", () => Promise.reject(new Error("for this test"))),
    ];
    expect(await line.ask("line.silent", empty, 50)).toEqual({ kind: "silence" });
    expect(await line.ask("line.failing", empty, 50)).toEqual({ kind: "silence" });
    for (const cancel of cancels) cancel();
    await serving.connection.flush();
    expect(await line.ask("line.silent", empty, 5_000)).toEqual({ kind: "nobody" });
  });

  it("brings an answer that no message can hold as an empty one", async () => {
    const cancel = await serve("line.large", async () => new Uint8Array(serving.maxPayload() + 1));
    const answer = await new NatsRequestLine(asking).ask("line.large", empty, 5_000);
    expect(answer.kind === "answer" && answer.payload.length).toBe(0);
    cancel();
  });

  it("can't be asked on a connection that was closed", async () => {
    const bus = await connectBus({ server: server.url, namespace: "test", name: "closed" });
    await bus.close();
    await expect(new NatsRequestLine(bus).ask("line.none", empty, 50)).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});
