/**
 * The runs of a namespace as its leader knows them: the living ones with their actors, and the views of the ended ones.
 *
 *   (submitted | found in the journal) ──▶ living ──end told, refused, or failed for good──▶ ended, or unknown
 *
 * Safe: 1. a run is living or ended, never both; 2. what is listed of a living run is stored. Live: 3. a run whose actors
 * fail for good is ended as `infrastructure`.
 */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import type { ApiResult, RunView } from "../../shared/model/api.ts";
import type { RunState } from "../core/run-state.ts";
import type { FollowedRuns } from "../journal/journal-follower.ts";
import type { CoordinatorMessage, RunMessage, StoreWait } from "./messages.ts";
import { RunActor } from "./run.ts";
import { waitingReason } from "./run-commands.ts";
import type { RunOrigin, RunSurroundings } from "./run-surroundings.ts";
import type { RunLife } from "./strays.ts";

/** What all runs are given alike. */
export type CommonSurroundings = Omit<RunSurroundings, "run" | "states" | "views">;

interface LivingRun {
  readonly ref: ActorRef<RunMessage>;
  readonly origin: RunOrigin;
}

const RUN_MAILBOX = 250_000;
const RUN_RESTARTS = 3;
const RESTART_WINDOW_MS = 60_000;
/** Why a run is ended whose actors have used up their restarts. */
export const FAILED_FOR_GOOD = "its actors failed again and again; the coordinator's log says why";

export class RunRegistry {
  readonly states = new Map<string, RunState>();
  /** Of living runs as of their last stored record. */
  readonly #views = new Map<string, RunView>();
  readonly #living = new Map<string, LivingRun>();
  readonly #ended = new Map<string, RunView>();
  /** Found in the journal, and not taken over yet. */
  readonly #notLoaded = new Set<string>();
  readonly #waits = new Map<string, StoreWait>();
  #common: CommonSurroundings | undefined;

  /** Takes over the runs as the journal had them, which are then not kept there any longer. */
  takeOver(runs: FollowedRuns, common: CommonSurroundings, context: Context<CoordinatorMessage>): void {
    this.#common = common;
    for (const [run, view] of runs.ended) this.#ended.set(run, view);
    for (const run of runs.living.keys()) this.#notLoaded.add(run);
    for (const [run, followed] of runs.living) this.spawn(run, { isStored: true, followed }, context);
    runs.living.clear();
    runs.ended.clear();
  }

  get livingCount(): number {
    return this.#living.size;
  }

  /** Whether every run of the journal is taken over. */
  get isComplete(): boolean {
    return this.#notLoaded.size === 0;
  }

  get ended(): RunView[] {
    return [...this.#ended.values()];
  }

  get refs(): { readonly run: string; readonly ref: ActorRef<RunMessage> }[] {
    return [...this.#living].map(([run, { ref }]) => ({ run, ref }));
  }

  living(run: string): ActorRef<RunMessage> | undefined {
    return this.#living.get(run)?.ref;
  }

  lifeOf(run: string): RunLife {
    if (this.#living.has(run)) return "living";
    return this.#ended.has(run) ? "over" : "unknown";
  }

  endedView(run: string): RunView | undefined {
    return this.#ended.get(run);
  }

  /** How many jobs a run has; undefined while that is not known. */
  jobsOf(run: string): number | undefined {
    return this.states.get(run)?.jobs.length ?? this.#ended.get(run)?.jobs;
  }

  /** All runs; one that its stores keep waiting says so. */
  views(): RunView[] {
    const living = [...this.#views.values()].map((view) => {
      const wait = this.#waits.get(view.run);
      return wait === undefined ? view : { ...view, reason: waitingReason(wait) };
    });
    return [...this.#ended.values(), ...living];
  }

  /** Returns whether that completes the takeover. */
  onLoaded(run: string): boolean {
    this.#waits.delete(run);
    return this.#notLoaded.delete(run) && this.isComplete;
  }

  onWaits(run: string, wait: StoreWait | null): void {
    if (wait === null || !this.#living.has(run)) this.#waits.delete(run);
    else this.#waits.set(run, wait);
  }

  /** Why a run that is still to be taken over keeps everybody waiting, if one does. */
  get takeoverWait(): { readonly run: string; readonly wait: StoreWait } | undefined {
    for (const run of this.#notLoaded) {
      const wait = this.#waits.get(run);
      if (wait !== undefined) return { run, wait };
    }
    return undefined;
  }

  /** Runs that their stores keep waiting, as one trouble. */
  troubles(): ApiResult<"status">["troubles"] {
    const [first, ...others] = [...this.#waits].sort(([, a], [, b]) => a.since - b.since);
    if (first === undefined) return [];
    const [run, { since, reason }] = first;
    const and = others.length === 0 ? "" : ` (and ${others.length} more)`;
    const message = `the run ${run}${and} waits for ${reason}`;
    const fix = "See the log of nats-server. The runs go on by themselves; nothing of them is lost.";
    return [{ code: "runs.waiting", message, fix, since: new Date(since).toISOString() }];
  }

  spawn(run: string, origin: RunOrigin, context: Context<CoordinatorMessage>): void {
    if (this.#common === undefined) return;
    const surroundings: RunSurroundings = {
      ...this.#common,
      run,
      states: this.states,
      views: this.#views,
    };
    const ref = context.spawn(`run-${run}-${context.id()}`, () => new RunActor(surroundings, origin), {
      mailbox: { capacity: RUN_MAILBOX, overflow: "fail" },
      supervision: {
        maxRestarts: RUN_RESTARTS,
        windowMs: RESTART_WINDOW_MS,
        backoff: { minMs: 50, maxMs: 2000 },
        exhausted: "stop",
      },
    });
    context.watch(ref, () => ({ kind: "runActorFailed", run }));
    this.#living.set(run, { ref, origin });
  }

  /** Its end is not told everywhere yet: until it is, the run counts as living. */
  revive(run: string, context: Context<CoordinatorMessage>): void {
    if (this.#ended.delete(run)) this.spawn(run, { isStored: true }, context);
  }

  end(view: RunView): void {
    this.#ended.set(view.run, view);
  }

  /** Nobody is to know of it any more. */
  forget(run: string): void {
    this.#ended.delete(run);
  }

  close(run: string, context: Context<CoordinatorMessage>): void {
    const living = this.#living.get(run);
    this.#living.delete(run);
    this.states.delete(run);
    this.#views.delete(run);
    this.#waits.delete(run);
    if (living === undefined) return;
    context.unwatch(living.ref);
    living.ref.tell({ kind: "close" });
  }

  /** Its restarts are used up. Returns whether an actor that ends it has begun: even that may have failed. */
  onActorFailed(run: string, context: Context<CoordinatorMessage>): boolean {
    const living = this.#living.get(run);
    if (living === undefined) return true;
    if (living.origin.isStored && living.origin.abortReason === undefined) {
      context.log.error({ run }, "a run is ended: its actors failed beyond their restart window");
      this.spawn(run, { isStored: true, abortReason: FAILED_FOR_GOOD }, context);
      return true;
    }
    const view = this.#views.get(run);
    if (view !== undefined) this.end({ ...view, status: "infrastructure", reason: FAILED_FOR_GOOD });
    return false;
  }
}
