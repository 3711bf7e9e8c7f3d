import { describe, expect, it } from "vitest";
import { ArchiveActor, type ArchiveMessage } from "../../../coordinator/actors/archive.ts";
import type { Command, Reply } from "../../../coordinator/actors/messages.ts";
import { StandbyReads } from "../../../coordinator/actors/standby-reads.ts";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import type { Journal } from "../../../coordinator/journal/journal.ts";
import { JournalFollower } from "../../../coordinator/journal/journal-follower.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { api, type Verb } from "../../../shared/model/api.ts";
import { ActorWorld, recorder } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";
import { RunDriver } from "../../support/run-driver.ts";
import { silentLog } from "../../support/silent-log.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();
const silence = (): Promise<never> => new Promise(() => undefined);

function command(verb: Verb, request: object = {}): Command {
  return { verb, request: api[verb].request.parse(request) } as Command;
}

/** A standby that has followed a journal with the living run r1 and the ended run r2. */
async function standby({
  lastSeq,
  isArchiveSilent = false,
}: {
  lastSeq?: Journal["lastSeq"];
  isArchiveSilent?: boolean;
} = {}) {
  const world = new ActorWorld();
  const journal = new StreamJournal(new MemoryConnection(new MemoryStream()), subjects);
  const eventLog = new StreamEventLog(new MemoryConnection(new MemoryStream()), subjects);
  const refuse = (): Promise<never> => Promise.reject(new Error("nothing is stored here"));
  const stores = { journal, eventLog, codec, readGraph: refuse, documents: { read: refuse } };
  const append = async (run: string, records: readonly RunRecord[]): Promise<void> => {
    await journal.append({ run, epoch: 1, batch: run, expectedSeq: 0, payload: codec.encode(records) });
  };
  const driver = new RunDriver({ a: {}, b: { needs: ["a"] } });
  await append("r1", driver.records);
  driver.execute("a");
  driver.execute("b");
  await append("r2", driver.records);
  const follower = new JournalFollower(stores, silentLog, () => undefined);
  void follower.follow();
  await follower.reached(await journal.lastSeq());
  const { system } = world.node("standby");
  const archive = system.spawn<ArchiveMessage>(
    "archive",
    isArchiveSilent ? recorder([]) : () => new ArchiveActor(stores),
  );
  const reads = new StandbyReads(
    system,
    world.clock,
    lastSeq === undefined ? journal : changed<Journal>(journal, { lastSeq }),
    archive,
  );
  /** Asks, and gives the answers that have come; `left` is one that the leader has to give. */
  const ask = (asked: Command, limitMs = 60_000): (Reply | "left")[] => {
    const answers: (Reply | "left")[] = [];
    void reads.answer(follower, asked, limitMs).then((reply) => answers.push(reply ?? "left"));
    return answers;
  };
  return { world, follower, ask };
}

describe("a standby", () => {
  it("answers by itself what the journal tells", async () => {
    const { world, ask } = await standby();
    const answers = [
      ask(command("runs")),
      ask(command("run", { run: "r1" })),
      ask(command("jobs", { run: "r1" })),
      ask(command("graph", { run: "r1" })),
      ask(command("run", { run: "r2" })),
      ask(command("jobs", { run: "r2" })),
      ask(command("run", { run: "none" })),
    ];
    await world.clock.advance(500);
    expect(answers.flat()).toMatchObject([
      { ok: true, result: { total: 2 } },
      { ok: true, result: { status: "running" } },
      { ok: true, result: { total: 2, jobs: [{ job: "a", phase: "ready" }, {}] } },
      { ok: true, result: { total: 2 } },
      { ok: true, result: { status: "succeeded" } },
      { ok: true, result: { total: 2, jobs: [{ phase: "succeeded" }, { phase: "succeeded" }] } },
      { ok: false, code: "notFound" },
    ]);
  });

  it("leaves to the leader what that alone knows, and what is not to be read", async () => {
    const { world, ask } = await standby();
    const answers = [
      ask(command("run", { run: "r1", forecast: true })),
      ask(command("explain", { run: "r1", job: "a" })),
      ask(command("cancel", { run: "r1" })),
      ask(command("status")),
    ];
    await world.clock.advance(500);
    expect(answers.flat()).toEqual(["left", "left", "left", "left"]);
  });

  it("tells of a run that it could not read as little as of all, and of any other one", async () => {
    const { world, ask, follower } = await standby();
    follower.living.set("r3", undefined);
    const answers = [
      ask(command("run", { run: "r3" })),
      ask(command("runs")),
      ask(command("run", { run: "r1" })),
    ];
    await world.clock.advance(500);
    expect(answers.flat()).toMatchObject(["left", "left", { ok: true }]);
  });

  it("waits 2 s for what it has not followed yet, or as long as it is given, and leaves the answer to the leader then", async () => {
    const { world, ask } = await standby({ lastSeq: () => Promise.resolve(1_000) });
    const [patient, hasty] = [ask(command("runs")), ask(command("runs"), 500)];
    await world.clock.advance(400);
    expect([...patient, ...hasty]).toEqual([]);
    await world.clock.advance(200);
    expect([patient, hasty]).toEqual([[], ["left"]]);
    await world.clock.advance(1_500);
    expect(patient).toEqual(["left"]);
  });

  it("says nothing of the journal when that does not say how far it goes", async () => {
    const { world, ask } = await standby({ lastSeq: silence });
    const answers = ask(command("runs"));
    await world.clock.advance(3_000);
    expect(answers).toEqual(["left"]);
  });

  it("says nothing any more once it leads: what it held is the leader's", async () => {
    const { world, ask, follower } = await standby();
    follower.stop();
    follower.living.clear();
    const answers = [ask(command("runs")), ask(command("run", { run: "r1" }))];
    await world.clock.advance(500);
    expect(answers.flat()).toEqual(["left", "left"]);
  });

  it("leaves the answer about an ended run to the leader when its archive gives none in time", async () => {
    const { world, ask } = await standby({ isArchiveSilent: true });
    const answers = ask(command("jobs", { run: "r2" }), 1_000);
    await world.clock.advance(900);
    expect(answers).toEqual([]);
    await world.clock.advance(2_000);
    expect(answers).toEqual(["left"]);
  });
});
