import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentEvent, type Client, connect, type RunEvent } from "../../../shared/client/index.ts";
import { FakeCoordinator } from "../../support/fake-coordinator.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";

let server: TestServer;
let coordinator: FakeCoordinator;
let client: Client;
let runs = 0;

beforeAll(async () => {
  server = await startNatsServer();
  coordinator = await FakeCoordinator.start(server.url);
  client = await connect({ server: server.url, namespace: "test" });
});

afterAll(async () => {
  await client.close();
  await coordinator.stop();
  await server.stop();
});

const submitted = { type: "run.submitted", name: null, jobs: 2, priority: 500 } as const;
const ready = (job: string) => ({ type: "job.ready", job }) as const;

async function newRun(): Promise<string> {
  const { run } = coordinator.addRun(`run-${++runs}`);
  await coordinator.emit(run, submitted);
  return run;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Reads on in the background; `all` is what has come. */
function follow<T>(items: AsyncIterable<T>): { all: T[]; ended: Promise<void> } {
  const all: T[] = [];
  const ended = (async () => {
    for await (const item of items) all.push(item);
  })();
  return { all, ended };
}

const numbers = (events: readonly (RunEvent | AgentEvent)[]): number[] => events.map(({ seq }) => seq);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe("events", () => {
  it("are replayed to the end of what is stored", async () => {
    const run = await newRun();
    await coordinator.emit(run, ready("a"), ready("b"));
    expect(numbers(await collect(client.events({ run })))).toEqual([1, 2, 3]);
  });

  it("are followed after the replay, until the run has finished", async () => {
    const run = await newRun();
    const watched = follow(client.watch(run));
    await waitUntil("the replay arrives", () => watched.all.length === 1);
    await coordinator.emit(run, ready("a"));
    await waitUntil("the next event arrives", () => watched.all.length === 2);
    await coordinator.finish(run);
    await watched.ended;
    expect(watched.all.map(({ type }) => type)).toEqual(["run.submitted", "job.ready", "run.finished"]);
  });

  it("come without gap or repeat though server and coordinator restart in the middle", async () => {
    const run = await newRun();
    const watched = follow(client.watch(run));
    const stop = new AbortController();
    const everything = follow(client.events({ follow: true, signal: stop.signal }));
    for (let count = 0; count < 60; count++) {
      await coordinator.emit(run, ready(`a-${count}`), ready(`b-${count}`));
      if (count % 20 !== 10) continue;
      await server.kill();
      await server.restart();
      await coordinator.stop();
      coordinator = await FakeCoordinator.start(server.url);
      await coordinator.takeOver(run);
    }
    await coordinator.finish(run);
    await watched.ended;
    expect(numbers(watched.all)).toEqual(upTo(122));
    await waitUntil("the other follower has all", () => numbers(ofRun(everything.all, run)).length === 122);
    expect(numbers(ofRun(everything.all, run))).toEqual(upTo(122));
    stop.abort();
    await everything.ended;
  });

  it("are given once when two leaders have stored the same ones", async () => {
    const run = await newRun();
    const watched = follow(client.watch(run));
    const other = await FakeCoordinator.start(server.url);
    await coordinator.emit(run, ready("a"), ready("b"));
    await other.emit(run, submitted, ready("a"), ready("b"), ready("c"));
    await other.stop();
    await coordinator.takeOver(run);
    await coordinator.finish(run);
    await watched.ended;
    expect(numbers(watched.all)).toEqual(upTo(5));
  });

  it("can be chosen by job, by type and by number", async () => {
    const run = await newRun();
    await coordinator.emit(run, ready("a"), ready("b"), { type: "job.skipped", job: "b", reason: "no" });
    expect(numbers(await collect(client.events({ run, job: "b" })))).toEqual([3, 4]);
    expect(numbers(await collect(client.events({ run, type: "job.ready" })))).toEqual([2, 3]);
    expect(numbers(await collect(client.events({ run, type: ["job.skipped", "run.submitted"] })))).toEqual([
      1, 4,
    ]);
    expect(numbers(await collect(client.events({ run, from: 3 })))).toEqual([3, 4]);
    expect(() => client.events({ from: 3 })).toThrow("needs `run`");
  });

  it("can be had from a time on", async () => {
    const run = await newRun();
    await coordinator.emit(run, ready("old"));
    const since = new Date(Date.now() + 1);
    await waitUntil("the moment has passed", () => Date.now() > since.getTime() + 1);
    await coordinator.emit(run, ready("new"));
    expect(numbers(await collect(client.events({ run, since })))).toEqual([3]);
  });

  it("of agents come with those of runs unless a run is named", async () => {
    const run = await newRun();
    const left = {
      v: 1,
      seq: 1,
      agent: "a1",
      at: new Date().toISOString(),
      type: "agent.left",
      reason: "stopped",
    };
    await coordinator.emitFleet(left);
    expect(await collect(client.events({ type: "agent.left" }))).toEqual([left]);
    expect((await collect(client.events())).some(({ type }) => type === "agent.left")).toBe(true);
    expect(await collect(client.events({ run }))).toHaveLength(1);
  });

  it("of a run that is not there are refused", async () => {
    await expect(collect(client.events({ run: "nowhere" }))).rejects.toMatchObject({ code: "notFound" });
    await expect(collect(client.watch("nowhere"))).rejects.toMatchObject({ code: "notFound" });
  });

  it("of an ended run that are no longer kept are not waited for", async () => {
    coordinator.addRun("ancient", { status: "succeeded" });
    expect(await collect(client.watch("ancient"))).toEqual([]);
  });

  it("of a namespace that has no coordinator and never had one are not available", async () => {
    const elsewhere = await connect({ server: server.url, namespace: "elsewhere", requestTimeoutMs: 100 });
    await expect(collect(elsewhere.events())).rejects.toMatchObject({ code: "unavailable" });
    await elsewhere.close();
  });

  it("of a namespace whose first coordinator is only starting are waited for", async () => {
    const early = await connect({ server: server.url, namespace: "early", requestTimeoutMs: 20_000 });
    const events = collect(early.events());
    const first = await FakeCoordinator.start(server.url, "early");
    expect(await events).toEqual([]);
    await early.close();
    await first.stop();
  });

  it("end quietly when the signal comes", async () => {
    const run = await newRun();
    const stop = new AbortController();
    const watched = follow(client.watch(run, { signal: stop.signal }));
    await waitUntil("the replay arrives", () => watched.all.length === 1);
    stop.abort();
    await watched.ended;
  });
});

describe("waiting for a run", () => {
  it("resolves with the run as it ended", async () => {
    const run = await newRun();
    const waiting = client.waitFor(run);
    await coordinator.finish(run);
    expect(await waiting).toMatchObject({ run, status: "succeeded" });
  });

  it("resolves, too, when the live event of its end was lost", async () => {
    const run = await newRun();
    const waiting = client.waitFor(run);
    await asked(run);
    await coordinator.finish(run, { isHeard: false });
    expect(await waiting).toMatchObject({ run, status: "succeeded" });
  });

  it("resolves when all events are stored", async () => {
    const run = await newRun();
    const waiting = client.waitFor(run);
    coordinator.bus.connection.publish(coordinator.bus.subjects.runEvent(run, "run.finished"));
    coordinator.addRun(run, { status: "succeeded" });
    await asked(run);
    await coordinator.finish(run, { isHeard: false });
    await waiting;
    const types = (await collect(client.events({ run }))).map(({ type }) => type);
    expect(types.at(-1)).toBe("run.finished");
  });

  it("rejects when there is no such run", async () => {
    await expect(client.waitFor("nobody-knows-it")).rejects.toMatchObject({ code: "notFound" });
  });

  it("rejects with the signal's reason", async () => {
    const run = await newRun();
    const stop = new AbortController();
    const waiting = client.waitFor(run, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});

/** Resolves when the client has asked for the run. */
function asked(run: string): Promise<unknown> {
  const isAsked = () =>
    coordinator.requests.some(
      ({ verb, request }) => verb === "run" && (request as { run: string }).run === run,
    );
  return waitUntil("the client has asked", isAsked);
}

function ofRun(events: readonly (RunEvent | AgentEvent)[], run: string): RunEvent[] {
  return events.filter((event): event is RunEvent => "run" in event && event.run === run);
}
