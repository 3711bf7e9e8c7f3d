/**
 * One of the coordinators of a namespace, put together over whatever carries it: it takes part in the election, leads or
 * follows as that comes out, and answers the API either way. No decisions here.
 */
import type { Clock, Logger } from "../shared/actor/contract.ts";
import type { ActorSystem } from "../shared/actor/system.ts";
import type { RequestLine } from "../shared/bus/request-line.ts";
import type { Verb } from "../shared/model/api.ts";
import { ApiDesk } from "./actors/api-desk.ts";
import { ArchiveActor, type ArchiveMessage } from "./actors/archive.ts";
import { CoordinatorActor, type CoordinatorOptions } from "./actors/coordinator.ts";
import { ElectionActor, type ElectionMessage, type Term } from "./actors/election.ts";
import { StandbyReads } from "./actors/standby-reads.ts";
import type { ElectionTimes } from "./core/election.ts";
import { JournalFollower } from "./journal/journal-follower.ts";

export interface MemberParts extends Omit<CoordinatorOptions, keyof Term | "archive"> {
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly line: RequestLine;
  readonly log: Logger;
  readonly electionTimes: ElectionTimes;
  /** The leader's actors have failed for good; nothing runs here any more. */
  readonly onFailure: (error: unknown) => void;
}

export interface Member {
  /** The reply to a request of the API as the caller gets it; a refusal is thrown. */
  answer(verb: Verb, request: Uint8Array): Promise<Uint8Array>;
  /** Resolves when all that was asked so far is answered; after its end that is the next leader's to do. */
  drained(): Promise<void>;
}

/** Starts it; it ends with its actor system. */
export function startMember(parts: MemberParts): Member {
  const { system, clock, line, log, electionTimes, onFailure, ...options } = parts;
  const { node, subjects, codec, journal } = options;
  const deadLetterCounts = (): [string, number][] => system.deadLetterCounts();
  const archive = system.spawn<ArchiveMessage>("archive", () => new ArchiveActor(options), {
    mailbox: { capacity: 1000 },
  });
  const desk = new ApiDesk({
    system,
    clock,
    codec,
    journal,
    line,
    subjects,
    reads: new StandbyReads(system, clock, journal, archive),
    onEpochSeen: (epoch) => election.tell({ kind: "epochSeen", epoch }),
  });
  const election = system.spawn<ElectionMessage>(
    "election",
    () =>
      new ElectionActor({
        node,
        subjects,
        codec,
        journal,
        line,
        times: electionTimes,
        makeFollower: (onClaim) => new JournalFollower(options, log, onClaim),
        makeCoordinator: (term) => new CoordinatorActor({ deadLetterCounts, ...options, archive, ...term }),
        onStanding: (standing) => desk.onStanding(standing),
      }),
    { supervision: { decide: () => "stop" }, onFailure },
  );
  return { answer: (verb, request) => desk.answer(verb, request), drained: () => desk.drained() };
}
