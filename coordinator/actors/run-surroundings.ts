/** What a run actor is given: its place among the coordinator's actors, and the stores it writes to. */
import type { ActorRef, Codec } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { RunView } from "../../shared/model/api.ts";
import type { Estimates } from "../core/estimates.ts";
import type { RunState } from "../core/run-state.ts";
import type { Scheduler } from "../core/scheduler.ts";
import type { Documents } from "../journal/documents.ts";
import type { EventLog, Journal } from "../journal/journal.ts";
import type { Submission } from "../journal/new-run.ts";
import type { RunReplay } from "../journal/run-replay.ts";
import type { Snapshots } from "../journal/snapshots.ts";
import type { ReadGraph } from "../journal/submitted-graph.ts";
import type { Counters } from "./counters.ts";
import type { CoordinatorMessage, FleetMessage, RunMessage, SchedulerMessage } from "./messages.ts";
import type { ReuseMessage } from "./reuse-message.ts";

/** Where a run comes from. A stored one is read from the journal, also when its actor is started again. */
export interface RunOrigin {
  isStored: boolean;
  /** Undefined for one that was found in the journal. */
  readonly submission?: Submission;
  /** What a standby has followed of it, when the leader was one. */
  followed?: RunReplay | undefined;
  /** Set for a run whose actors have failed for good: it is loaded to be ended. */
  readonly abortReason?: string;
}

export interface RunSurroundings {
  readonly run: string;
  readonly epoch: number;
  readonly journal: Journal;
  readonly eventLog: EventLog;
  readonly codec: Codec;
  readonly readGraph: ReadGraph;
  readonly documents: Documents;
  readonly snapshots: Snapshots | undefined;
  readonly subjects: Subjects;
  readonly counters: Counters;
  readonly coordinator: ActorRef<CoordinatorMessage>;
  readonly scheduler: ActorRef<SchedulerMessage>;
  readonly fleet: ActorRef<FleetMessage>;
  readonly reuse: ActorRef<ReuseMessage>;
  /** How long jobs took lately: read, and told of successes. */
  readonly estimates: Estimates;
  /** The scheduler's state, for explanations. */
  readonly schedule: { readonly current: Scheduler };
  /** The states of living runs, for names in listings. */
  readonly states: Map<string, RunState>;
  /** Living runs as of their last stored record: what listings may show. */
  readonly views: Map<string, RunView>;
}

/** Makes scheduler and fleet know a run; telling them again changes nothing. */
export function announceRun(surroundings: RunSurroundings, state: RunState, ref: ActorRef<RunMessage>): void {
  const { scheduler, fleet } = surroundings;
  const { run, priority, submittedAt: order } = state;
  const isImpatient = state.options.failUnschedulable;
  scheduler.tell({ kind: "runOpened", run, order, priority, isImpatient, ref });
  fleet.tell({ kind: "runOpened", run: state.run, ref });
}
