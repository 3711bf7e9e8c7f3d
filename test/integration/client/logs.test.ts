import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Client, connect, type LogRecord } from "../../../shared/client/index.ts";
import type { AttemptView } from "../../../shared/model/api.ts";
import { LogShipper, type LogWriter } from "../../../shared/store/log-writer.ts";
import { FakeCoordinator, jobView, measured } from "../../support/fake-coordinator.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";

const exit1 = { kind: "failed", reason: "exit", exitCode: 1 } as const;
const on = (attempt: number) => ({ job: "build", attempt, agent: "a1" });

let server: TestServer;
let coordinator: FakeCoordinator;
let shipper: LogShipper;
let client: Client;
let run = "";
let runs = 0;

beforeAll(async () => {
  server = await startNatsServer();
  coordinator = await FakeCoordinator.start(server.url);
  shipper = new LogShipper(coordinator.bus);
  client = await connect({ server: server.url, namespace: "test" });
});

afterAll(async () => {
  await client.close();
  shipper.close();
  await coordinator.stop();
  await server.stop();
});

beforeEach(async () => {
  run = `run-${++runs}`;
  coordinator.addRun(run);
  coordinator.jobs.set(run, [jobView("build"), jobView("test")]);
  await coordinator.emit(run, { type: "run.submitted", name: null, jobs: 2, priority: 500 });
});

const open = (attempt: number): LogWriter => shipper.open({ run, job: "build", attempt, agent: "a1" });

async function write(writer: LogWriter, text: string): Promise<void> {
  await writer.write(Buffer.from(text));
  await writer.flushed(20_000);
}

/** The job's state as the API tells it from now on. */
function setJob(change: Parameters<typeof jobView>[1]): void {
  coordinator.jobs.set(run, [jobView("build", change), jobView("test")]);
}

function attemptView(attempt: number, change: Partial<AttemptView> = {}): AttemptView {
  return {
    attempt,
    agent: "a1",
    outcome: null,
    startedAt: new Date().toISOString(),
    endedAt: null,
    returned: null,
    wallMs: null,
    cpuMs: null,
    peakMemoryBytes: null,
    logBytes: null,
    ranOn: null,
    implicit: false,
    progress: null,
    ...change,
  };
}

/** Reads in the background; a failure is the caller's to see by `ended`. */
function follow(items: AsyncIterable<LogRecord>): { all: LogRecord[]; ended: Promise<void> } {
  const all: LogRecord[] = [];
  const ended = (async () => {
    for await (const item of items) all.push(item);
  })();
  ended.catch(() => {});
  return { all, ended };
}

/** One line a record; neighbouring bytes as one. */
function told(records: readonly LogRecord[]): string[] {
  const lines: string[] = [];
  for (const record of records) {
    const last = lines.at(-1);
    if (record.kind === "bytes") {
      const text = Buffer.from(record.bytes).toString();
      if (last?.startsWith("> ")) lines[lines.length - 1] = last + text;
      else lines.push(`> ${text}`);
    } else if (record.kind === "attempt") lines.push(`attempt ${record.attempt}`);
    else if (record.kind === "attemptEnded")
      lines.push(`${record.outcome.kind}${record.retried ? ", again" : ""}`);
    else if (record.kind === "ended") lines.push(`job ${record.phase}`);
    else lines.push(`lost ${record.bytes}`);
  }
  return lines;
}

describe("a job's log", () => {
  it("is waited for until the job starts, goes on with its retry, and ends with its end", async () => {
    const log = follow(client.logs(run, "build", { follow: true }));
    const first = open(1);
    await coordinator.emit(run, { type: "job.started", ...on(1) });
    setJob({ phase: "running", attempts: [attemptView(1)] });
    await write(first, "one\n");
    await waitUntil("the first line is read", () => told(log.all).includes("> one\n"), {
      diagnose: () => told(log.all),
    });
    const retrying = {
      type: "job.retrying",
      ...on(1),
      outcome: exit1,
      delayMs: 0,
      ...measured,
      logBytes: 8,
    } as const;
    await coordinator.emit(run, retrying);
    await write(first, "two\n");
    await coordinator.emit(run, { type: "job.started", ...on(2) });
    await write(open(2), "three\n");
    await coordinator.emit(run, {
      type: "job.succeeded",
      ...on(2),
      artifact: null,
      ...measured,
      logBytes: 6,
    });
    await log.ended;
    expect(told(log.all)).toEqual([
      "attempt 1",
      "> one\ntwo\n",
      "failed, again",
      "attempt 2",
      "> three\n",
      "succeeded",
      "job succeeded",
    ]);
  });

  it("is whole though the server is restarted in the middle", async () => {
    const log = follow(client.logs(run, "build", { follow: true }));
    await coordinator.emit(run, { type: "job.started", ...on(1) });
    const writer = open(1);
    let expected = "";
    for (let line = 0; line < 200; line++) {
      const text = `line ${line}\n`;
      expected += text;
      await write(writer, text);
      if (line !== 100) continue;
      await server.kill();
      await server.restart();
    }
    const logBytes = Buffer.byteLength(expected);
    await coordinator.emit(run, { type: "job.succeeded", ...on(1), artifact: null, ...measured, logBytes });
    await log.ended;
    expect(told(log.all)).toEqual(["attempt 1", `> ${expected}`, "succeeded", "job succeeded"]);
  });

  it("of a job that has ended is told without its events", async () => {
    await write(open(1), "done\n");
    const outcome = { kind: "succeeded" } as const;
    setJob({ phase: "succeeded", attempts: [attemptView(1, { outcome, logBytes: 5 })] });
    for (const isFollowed of [false, true]) {
      const log = follow(client.logs(run, "build", { follow: isFollowed }));
      await log.ended;
      expect(told(log.all)).toEqual(["attempt 1", "> done\n", "succeeded", "job succeeded"]);
    }
  });

  it("of a running job is what is stored, unless it is followed", async () => {
    await write(open(1), "so far\n");
    setJob({ phase: "running", attempts: [attemptView(1)] });
    const log = follow(client.logs(run, "build"));
    await log.ended;
    expect(told(log.all)).toEqual(["attempt 1", "> so far\n"]);
  });

  it("of a job that never ran is its end alone", async () => {
    const log = follow(client.logs(run, "build", { follow: true }));
    await waitUntil("the reader waits for events", () =>
      coordinator.requests.some(({ verb }) => verb === "jobs"),
    );
    await coordinator.emit(run, { type: "job.blocked", job: "build", rootCause: "fetch" });
    await log.ended;
    expect(told(log.all)).toEqual(["job blocked"]);
  });

  it("ends with what was stored of a cancelled attempt whose length nobody tells", async () => {
    const log = follow(client.logs(run, "build", { follow: true }));
    await coordinator.emit(run, { type: "job.started", ...on(1) });
    await write(open(1), "cut");
    await waitUntil("it is read", () => told(log.all).includes("> cut"), { diagnose: () => told(log.all) });
    await coordinator.emit(run, { type: "job.cancelled", job: "build", reason: "on request" });
    await log.ended;
    expect(told(log.all)).toEqual(["attempt 1", "> cut", "cancelled", "job cancelled"]);
  });

  it("can be that of one attempt", async () => {
    await write(open(1), "first\n");
    await write(open(2), "second\n");
    const outcome = exit1;
    const attempts = [attemptView(1, { outcome, logBytes: 6 }), attemptView(2, { outcome, logBytes: 7 })];
    setJob({ phase: "failed", attempts });
    const log = follow(client.logs(run, "build", { attempt: 1 }));
    await log.ended;
    expect(told(log.all)).toEqual(["attempt 1", "> first\n", "failed, again"]);
    expect(await client.logTail(run, "build", 5)).toEqual(["second"]);
    expect(await client.logTail(run, "build", 5, { attempt: 1 })).toEqual(["first"]);
  });

  it("ends quietly when the signal comes", async () => {
    const stop = new AbortController();
    const log = follow(client.logs(run, "build", { follow: true, signal: stop.signal }));
    await coordinator.emit(run, { type: "job.started", ...on(1) });
    await write(open(1), "started\n");
    await waitUntil("it is read", () => told(log.all).includes("> started\n"), {
      diagnose: () => told(log.all),
    });
    stop.abort();
    await log.ended;
  });

  it("of a job that was carried over is the one of its run, and of no other that has taken its id since", async () => {
    await write(open(1), "made\n");
    setJob({ phase: "succeeded", attempts: [attemptView(1)] });
    const retry = `${run}-retry`;
    const submittedAt = new Date(Date.now() + 60_000).toISOString();
    coordinator.addRun(retry, { submittedAt, retryOf: run });
    coordinator.jobs.set(retry, [jobView("build", { phase: "succeeded", carriedFrom: run })]);
    expect(await client.logTail(retry, "build", 5)).toEqual(["made"]);
    const gone = { code: "notFound", message: expect.stringContaining("is gone with run") };
    coordinator.addRun(run, { submittedAt: new Date(Date.now() + 120_000).toISOString() });
    await expect(follow(client.logs(retry, "build")).ended).rejects.toMatchObject(gone);
    coordinator.runs.delete(run);
    await expect(client.logTail(retry, "build", 5)).rejects.toMatchObject(gone);
  });

  it("of an unknown job is refused", async () => {
    const log = follow(client.logs(run, "bulid", { follow: true }));
    await expect(log.ended).rejects.toMatchObject({ code: "notFound" });
  });
});
