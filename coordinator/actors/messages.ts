/** What the coordinator's actors say to each other. Plain data and refs: it may be serialised. */

import type { ActorRef, TransportStatus } from "../../shared/actor/contract.ts";
import type { ApiCommand, RunView, Verb } from "../../shared/model/api.ts";
import type { DependencyResult } from "../../shared/model/event.ts";
import type { HeldAttempt, JobRequest, Order, ReportItem } from "../../shared/model/messages.ts";
import type { StorageUsage } from "../../shared/model/storage-usage.ts";
import type { QueuedJob } from "../core/job-queue.ts";
import type { Offer, Requirement } from "../core/requirement.ts";
import type { ReuseAnswer } from "../core/reuse-decide.ts";
import type { Grant, Recall } from "../core/scheduler.ts";
import type { StorageState } from "../core/storage-state.ts";
import type { Trouble } from "../core/storage-troubles.ts";
import type { AppendResult } from "../journal/journal.ts";
import type { FromAgent } from "./agent-message.ts";
import type { StrayOrder } from "./strays.ts";

/** A reply to a command of the API: its result, or what was wrong. */
export type Reply = { readonly ok: true; readonly result: unknown } | Refusal;

/** Why a command was not carried out, and what to do. */
export interface Refusal {
  readonly ok: false;
  readonly code: string;
  readonly message: string;
  readonly fix?: string;
}

export type Command = { readonly [V in Verb]: { readonly verb: V; readonly request: ApiCommand<V> } }[Verb];

/** What keeps a run waiting, for people, and since when by the leader's wall clock. */
export interface StoreWait {
  readonly since: number;
  readonly reason: string;
}

export type CoordinatorMessage =
  | { readonly kind: "runLoaded"; readonly run: string }
  | { readonly kind: "command"; readonly command: Command; readonly replyTo: ActorRef<Reply> }
  | { readonly kind: "runReady"; readonly run: string; readonly jobs: number }
  | { readonly kind: "runRejected"; readonly run: string; readonly reply: Reply }
  | { readonly kind: "runEnded"; readonly view: RunView }
  | { readonly kind: "endsDue" }
  /** What earlier leaders knew of how long jobs take is known here. */
  | { readonly kind: "estimatesRead" }
  /** Ended runs whose events are not all stored. */
  | { readonly kind: "endsUntold"; readonly runs: readonly string[] }
  /** Its stores do not answer; null once they have. */
  | { readonly kind: "runWaits"; readonly run: string; readonly wait: StoreWait | null }
  | { readonly kind: "runActorFailed"; readonly run: string }
  /** Given up: to be forgotten; their ids can't be used again before nothing is left of them. */
  | { readonly kind: "runsCondemned"; readonly runs: readonly string[] }
  /** Nothing is left of any run that was given up. */
  | { readonly kind: "allRemoved" }
  /** A collection is over; `failure` says why it was not done, null when it was. */
  | { readonly kind: "collected"; readonly at: number; readonly failure: string | null }
  | {
      readonly kind: "storage";
      readonly state: StorageState;
      readonly usage: StorageUsage | null;
      readonly troubles: readonly Trouble[];
    }
  /** Attempts of runs that the fleet does not know, as what their agent is told if their run is over. */
  | { readonly kind: "straysSighted"; readonly agent: string; readonly orders: readonly StrayOrder[] }
  /** Whether the journal has their run; null when it did not answer. */
  | {
      readonly kind: "straysLookedFor";
      readonly run: string;
      readonly isStored: boolean | null;
      readonly agent: string;
      readonly orders: readonly StrayOrder[];
    }
  | { readonly kind: "schedulerStarted" }
  | { readonly kind: "fleetStarted" }
  | { readonly kind: "reuseStarted" }
  | { readonly kind: "deposed"; readonly epoch: number };

export type RunMessage =
  /** Nobody will tell it anything more: what it was told before is answered, then it ends. */
  | { readonly kind: "close" }
  | { readonly kind: "loaded" }
  /** What the run asked of a store has come to nothing, for now or for good. */
  | {
      readonly kind: "storeFailed";
      readonly errand: string;
      readonly code: string;
      readonly reason: string;
      readonly fix: string | undefined;
    }
  /** It is to be asked again. */
  | { readonly kind: "storeDue"; readonly errand: string }
  | { readonly kind: "granted"; readonly grants: readonly Grant[] }
  | { readonly kind: "recalled"; readonly recalls: readonly Recall[] }
  | { readonly kind: "stranded"; readonly jobs: readonly number[]; readonly reason: string }
  | { readonly kind: "reported"; readonly agent: string; readonly items: readonly ReportItem[] }
  | {
      readonly kind: "agentResynced";
      readonly agent: string;
      readonly incarnation: string;
      readonly held: readonly HeldAttempt[];
    }
  | { readonly kind: "agentGone"; readonly agent: string; readonly reason: string }
  | { readonly kind: "appended"; readonly result: AppendResult; readonly view: RunView | undefined }
  | { readonly kind: "snapshotDue" }
  /** The forecast of a large run is made in steps: the next one. */
  | { readonly kind: "forecastDue" }
  /** More is known of how long jobs take. */
  | { readonly kind: "estimatesRead" }
  | { readonly kind: "snapshotWritten"; readonly failure: string | null }
  | { readonly kind: "eventsStored" }
  | { readonly kind: "dependency"; readonly result: DependencyResult }
  | { readonly kind: "carryOn" }
  | { readonly kind: "inputsStored"; readonly agent: string; readonly request: JobRequest }
  | { readonly kind: "recheck" }
  | { readonly kind: "transport"; readonly status: TransportStatus }
  | { readonly kind: "schedulerStarted" }
  | { readonly kind: "fleetStarted" }
  | { readonly kind: "reuseStarted" }
  /** What came of looking for an equal job. */
  | { readonly kind: "looked"; readonly job: number; readonly answer: ReuseAnswer }
  /** An agent has come, or offers something else. */
  | { readonly kind: "offered" }
  /** An agent says which image it has under a name; null where it has none. */
  | {
      readonly kind: "imageFound";
      readonly agent: string;
      readonly image: string;
      readonly digest: string | null;
    }
  | { readonly kind: "command"; readonly command: Command; readonly replyTo: ActorRef<Reply> };

export type JobMessage =
  /** The result of a need, by the need's index, has come in. */
  | { readonly kind: "needResult"; readonly need: number }
  /** It has no needs, or is asked again after an attempt that did not decide it. */
  | { readonly kind: "askSlot"; readonly delayMs: number }
  | { readonly kind: "slotDue" }
  /** The job is final and its record stored: publish the result, unless nobody waits for it (null), and end. */
  | { readonly kind: "settled"; readonly result: DependencyResult | null };

export type SchedulerMessage =
  /** All living runs are loaded, and have told of their leases before this. */
  | { readonly kind: "recovered" }
  /** Nothing is placed as long as there is a reason not to. */
  | { readonly kind: "paused"; readonly reason: string | null }
  | {
      readonly kind: "runOpened";
      readonly run: string;
      readonly order: number;
      readonly priority: number;
      /** It has brought its agents with it: no others will come. */
      readonly isImpatient: boolean;
      readonly ref: ActorRef<RunMessage>;
    }
  /** It is to be told of the next offer, once: where its jobs could run is not known as yet. */
  | { readonly kind: "awaitsOffer"; readonly run: string }
  | { readonly kind: "runPriority"; readonly run: string; readonly priority: number }
  | { readonly kind: "runClosed"; readonly run: string }
  | {
      readonly kind: "request";
      readonly run: string;
      readonly entry: QueuedJob;
      readonly requirement: Requirement;
    }
  /** A job has kept away long enough from agents on which it has failed. */
  | {
      readonly kind: "avoidanceOver";
      readonly run: string;
      readonly job: number;
      readonly requirement: Requirement;
    }
  /** The order of the run's jobs has changed, of those that have asked, too. */
  | { readonly kind: "ranked"; readonly run: string; readonly ranks: readonly number[] }
  | { readonly kind: "withdraw"; readonly run: string; readonly job: number }
  | { readonly kind: "withdrawAll"; readonly run: string }
  /** `ranMs` is null for a job that did not run to an end. */
  | { readonly kind: "release"; readonly run: string; readonly job: number; readonly ranMs: number | null }
  | {
      readonly kind: "adopt";
      readonly run: string;
      readonly job: number;
      readonly agent: string;
      readonly requirement: Requirement;
    }
  | { readonly kind: "offer"; readonly offer: Offer }
  | { readonly kind: "agentGone"; readonly agent: string }
  | { readonly kind: "plan" }
  | { readonly kind: "checkStranded" };

export type StorageWatchMessage =
  | { readonly kind: "look" }
  | { readonly kind: "seen"; readonly usage: StorageUsage }
  | { readonly kind: "unseen"; readonly reason: string };

export type CollectorMessage =
  | { readonly kind: "due" }
  | { readonly kind: "begin" }
  | { readonly kind: "goOn" }
  /** `pauseMs` is null when nothing is left to do. */
  | { readonly kind: "sliced"; readonly pauseMs: number | null; readonly tookMs: number }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "transport"; readonly status: TransportStatus }
  | { readonly kind: "command"; readonly request: ApiCommand<"gc">; readonly replyTo: ActorRef<Reply> };

export type FleetMessage =
  | { readonly kind: "fromAgent"; readonly message: FromAgent }
  /** Agents of which a heartbeat was heard lately, by their tokens. */
  | { readonly kind: "heardOf"; readonly tokens: readonly string[] }
  | { readonly kind: "heardOfNobody"; readonly reason: string }
  /** A message to itself has come back. */
  | { readonly kind: "echo" }
  | { readonly kind: "runOpened"; readonly run: string; readonly ref: ActorRef<RunMessage> }
  | { readonly kind: "runClosed"; readonly run: string }
  /** These are all the living runs. */
  | {
      readonly kind: "recovered";
      readonly runs: readonly { readonly run: string; readonly ref: ActorRef<RunMessage> }[];
    }
  | { readonly kind: "leaseAdopted"; readonly run: string; readonly agent: string }
  | {
      readonly kind: "orders";
      readonly agent: string;
      /** Whom the leases were given to; another incarnation must not start them. */
      readonly incarnation?: string;
      readonly orders: readonly Order[];
    }
  | { readonly kind: "flush" }
  | { readonly kind: "tick" }
  | { readonly kind: "schedulerStarted" }
  | { readonly kind: "eventsStored" }
  | { readonly kind: "eventsFailed"; readonly reason: string }
  | { readonly kind: "command"; readonly command: Command; readonly replyTo: ActorRef<Reply> };
