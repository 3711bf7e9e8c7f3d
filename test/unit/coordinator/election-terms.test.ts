import { describe, expect, it } from "vitest";
import { ElectionActor, type Term } from "../../../coordinator/actors/election.ts";
import type { CoordinatorMessage } from "../../../coordinator/actors/messages.ts";
import { JournalFollower } from "../../../coordinator/journal/journal-follower.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { ActorWorld, recorder } from "../../support/actor-world.ts";
import { MemoryDocuments } from "../../support/memory-documents.ts";

const subjects = new Subjects("test");

/** One coordinator that takes part in the election, and the terms that it has led. */
async function takingPart() {
  const world = new ActorWorld();
  const { system } = world.node("one");
  const stream = new MemoryStream();
  const open = (of: MemoryStream): MemoryConnection =>
    new MemoryConnection(of, (run) => void world.clock.schedule(1, run));
  const journal = new StreamJournal(open(stream), subjects);
  const codec = new MessageCodec();
  const stores = {
    journal,
    eventLog: new StreamEventLog(open(new MemoryStream()), subjects),
    codec,
    readGraph: () => Promise.reject(new Error("there is no graph")),
    documents: new MemoryDocuments(),
  };
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const terms: Term[] = [];
  system.spawn("election", () => {
    return new ElectionActor({
      node: "one",
      subjects,
      codec,
      journal,
      line: { ask: () => Promise.resolve({ kind: "nobody" }), serve: () => () => undefined },
      times: { beatMs: 500, silenceMs: 3_000 },
      makeFollower: (onClaim) => new JournalFollower(stores, log, onClaim),
      makeCoordinator: (term) => {
        terms.push(term);
        return recorder<CoordinatorMessage>([])();
      },
      onStanding: () => undefined,
    });
  });
  await world.clock.advance(2_000);
  return { world, terms };
}

describe("a term of a leader", () => {
  it("gives way to a higher one when an agent has obeyed an epoch that no claim tells of", async () => {
    const { world, terms } = await takingPart();
    expect(terms.map(({ epoch }) => epoch)).toEqual([1]);
    terms[0]?.onEpochObeyed(41);
    await world.clock.advance(2_000);
    expect(terms.map(({ epoch }) => epoch)).toEqual([1, 42]);
  });

  it("is not doubted for what an earlier one of the same process hears while it is being ended", async () => {
    const { world, terms } = await takingPart();
    terms[0]?.onEpochObeyed(41);
    await world.clock.advance(2_000);
    terms[0]?.onEpochObeyed(42);
    await world.clock.advance(2_000);
    expect(terms.map(({ epoch }) => epoch)).toEqual([1, 42]);
  });
});
