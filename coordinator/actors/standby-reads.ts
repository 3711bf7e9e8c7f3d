/**
 * What a standby answers by itself: whatever the journal alone tells. It asks the stream's leader how far the journal
 * goes, waits until it has followed so far, and answers from what it then holds. Of an ended run it reads the journal.
 */
import { AskError } from "../../shared/actor/actor-error.ts";
import type { ActorRef, Clock } from "../../shared/actor/contract.ts";
import type { ActorSystem } from "../../shared/actor/system.ts";
import type { RunView } from "../../shared/model/api.ts";
import { viewRun } from "../core/run-view.ts";
import { Scheduler } from "../core/scheduler.ts";
import { FreshReading } from "../journal/fresh-reading.ts";
import type { Journal } from "../journal/journal.ts";
import type { FollowedRuns, JournalFollower } from "../journal/journal-follower.ts";
import type { ArchiveMessage } from "./archive.ts";
import type { Command, Reply } from "./messages.ts";
import { answerQuery, listRuns } from "./query.ts";
import { within } from "./time-limit.ts";

type Read = Extract<Command, { verb: "runs" | "run" | "jobs" | "graph" }>;

/** A standby that lags further than this behind leaves the answer to the leader. */
const CATCH_UP_MS = 2_000;

export class StandbyReads {
  readonly #system: ActorSystem;
  readonly #clock: Clock;
  readonly #archive: ActorRef<ArchiveMessage>;
  readonly #lastSeq: FreshReading<number>;

  constructor(system: ActorSystem, clock: Clock, journal: Journal, archive: ActorRef<ArchiveMessage>) {
    this.#system = system;
    this.#clock = clock;
    this.#archive = archive;
    this.#lastSeq = new FreshReading(() => journal.lastSeq());
  }

  /** Undefined for what only the leader can tell, or tells sooner. */
  async answer(follower: JournalFollower, command: Command, limitMs: number): Promise<Reply | undefined> {
    if (!isRead(command)) return undefined;
    if (!(await this.#isCurrent(follower, Math.min(limitMs, CATCH_UP_MS)))) return undefined;
    // What it held has gone to the leader that this one has become.
    if (follower.hasEnded) return undefined;
    if (command.verb === "runs") {
      const views = viewsOf(follower);
      return views && listRuns(views, command.request);
    }
    const { run } = command.request;
    if (follower.living.has(run)) {
      // It knows neither how long jobs take nor who runs them.
      if (command.verb === "run" && command.request.forecast) return undefined;
      const followed = follower.living.get(run);
      return followed && answerQuery(followed.state, command, new Scheduler(), 0);
    }
    const ended = follower.ended.get(run);
    if (ended !== undefined) return this.#askArchive(ended, command, limitMs);
    return { ok: false, code: "notFound", message: `there is no run ${run}` };
  }

  async #isCurrent(follower: JournalFollower, limitMs: number): Promise<boolean> {
    const reached = this.#lastSeq.take().then((seq) => follower.reached(seq));
    return (await within(this.#clock, limitMs, reached)) ?? false;
  }

  async #askArchive(view: RunView, command: Command, limitMs: number): Promise<Reply | undefined> {
    try {
      return await this.#system.ask<Reply, ArchiveMessage>(
        this.#archive,
        (replyTo) => ({ view, command, replyTo }),
        limitMs,
      );
    } catch (error) {
      if (error instanceof AskError) return undefined;
      throw error;
    }
  }
}

function isRead(command: Command): command is Read {
  const { verb } = command;
  return verb === "runs" || verb === "run" || verb === "jobs" || verb === "graph";
}

/** Undefined when one of them could not be read here: the leader may know it. */
function viewsOf({ living, ended }: FollowedRuns): RunView[] | undefined {
  const views = [...ended.values()];
  for (const followed of living.values()) {
    if (followed === undefined) return undefined;
    views.push(viewRun(followed.state));
  }
  return views;
}
