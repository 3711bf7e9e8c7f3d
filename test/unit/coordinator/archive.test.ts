import { describe, expect, it } from "vitest";
import { ArchiveActor, type ArchiveMessage } from "../../../coordinator/actors/archive.ts";
import type { Command, Reply } from "../../../coordinator/actors/messages.ts";
import { viewRun } from "../../../coordinator/core/run-view.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import type { ActorRef } from "../../../shared/actor/contract.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { api } from "../../../shared/model/api.ts";
import { ActorWorld } from "../../support/actor-world.ts";
import { failed, RunDriver, succeeded } from "../../support/run-driver.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();

const jobs: Command = { verb: "jobs", request: api.jobs.request.parse({ run: "r1" }) };

/** An archive, and a journal with one run in it at a time. */
function place() {
  const world = new ActorWorld();
  const stream = new MemoryStream();
  const journal = new StreamJournal(new MemoryConnection(stream), subjects);
  const eventLog = new StreamEventLog(new MemoryConnection(new MemoryStream()), subjects);
  const refuse = (): Promise<never> => Promise.reject(new Error("nothing is stored here"));
  const stores = { journal, eventLog, codec, readGraph: refuse, documents: { read: refuse } };
  const { system } = world.node("coordinator");
  const archive = system.spawn<ArchiveMessage>("archive", () => new ArchiveActor(stores));

  async function write({ records, state }: RunDriver, submittedAt: number) {
    stream.purge(subjects.journal("r1"));
    const [submitted, ...others] = records;
    const payload = codec.encode([{ ...submitted, at: submittedAt }, ...others]);
    await journal.append({ run: "r1", epoch: 1, batch: `at-${submittedAt}`, expectedSeq: 0, payload });
    return { ...viewRun(state), submittedAt: new Date(submittedAt).toISOString() };
  }

  async function ask(view: ArchiveMessage["view"], command: Command = jobs): Promise<Reply> {
    const toMessage = (replyTo: ActorRef<Reply>) => ({ view, command, replyTo });
    const answer = system.ask<Reply, ArchiveMessage>(archive, toMessage, 1_000);
    await world.clock.advance(500);
    return answer;
  }

  return { write, ask };
}

describe("the archive", () => {
  it("refuses to cancel a job that the run never had", async () => {
    const { write, ask } = place();
    const run = new RunDriver({ a: {} });
    run.execute("a", failed);
    const view = await write(run, 1_000);
    const cancel = (job: string) =>
      ask(view, { verb: "cancel", request: api.cancel.request.parse({ run: "r1", job }) });
    expect(await cancel("a")).toEqual({ ok: true, result: { cancelled: false, status: "failed" } });
    expect(await cancel("b")).toMatchObject({ ok: false, code: "notFound" });
  });

  it("answers a name that is the start of others with these", async () => {
    const { write, ask } = place();
    const run = new RunDriver({ "zlib 1.3 (a)": {}, "zlib 1.3 (b)": {}, "zlib 2.0 (a)": {} });
    const view = await write(run, 1_000);
    const message = async (job: string) =>
      await ask(view, { verb: "jobs", request: api.jobs.request.parse({ run: "r1", job }) });
    expect(await message("zlib 1.3")).toMatchObject({
      code: "notFound",
      message: 'run r1 has no job zlib 1.3; did you mean "zlib 1.3 (a)" or "zlib 1.3 (b)"?',
    });
    expect(await message("zlib-1.3")).toMatchObject({ message: "run r1 has no job zlib-1.3" });
  });

  it("tells of the run that is meant when its id was given up and used again", async () => {
    const { write, ask } = place();
    const first = new RunDriver({ a: {} });
    first.execute("a", failed);
    const view = await write(first, 1_000);
    expect(await ask(view)).toMatchObject({ ok: true, result: { jobs: [{ job: "a", phase: "failed" }] } });
    const second = new RunDriver({ b: {} });
    second.execute("b", succeeded);
    expect(await ask(await write(second, 9_000))).toMatchObject({
      ok: true,
      result: { jobs: [{ job: "b", phase: "succeeded" }] },
    });
  });
});
