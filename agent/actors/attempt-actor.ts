/**
 * One attempt from its slot to the settling of its report.
 *
 *     preparing ──▶ launching ──▶ running ──▶ collecting ──▶ reported ──free──▶ (stopped)
 *         └── can't be prepared, or ended ───────────────────▲
 *
 * preparing copies inputs into fresh folders; running has a process; collecting ships the rest of the log and
 * stores the outputs; reported waits, with all files in place, until the coordinator has the result. What an earlier
 * process of the agent left begins in launching, and comes the same way; if nothing of it ever ran it is given back.
 *
 * Safe: (1) the parent hears `finished` or `neverBegan` once. (2) the cause for which the agent ended it is its
 * outcome, whatever the command made of the signal and whoever reports it: it is on disk before the signal is sent.
 * (3) files go only after `free`, and the log's only when it is shipped.
 * Live: TERM is followed by KILL after the grace, every promise comes back as a message, failed or not, and what is
 * being fetched for an attempt that is ended is not waited for.
 */
import type { Behaviour, Cancel, Context } from "../../shared/actor/contract.ts";
import type { JobRequest } from "../../shared/model/messages.ts";
import type { Artifact, EndedAttempt, Outcome, Progress } from "../../shared/model/outcome.ts";
import type { EndCause } from "../core/end-cause.ts";
import { beginTiming, onLook, type Timing } from "../core/time-limits.ts";
import type { Execution, Exit } from "../runners/runner.ts";
import type { AttemptRecord } from "../workspaces/attempt-record.ts";
import type { Place } from "../workspaces/place.ts";
import type { Leftover } from "../workspaces/workspaces.ts";
import { needsNothing } from "./attempt-inputs.ts";
import type { AttemptTools, ShippedLog } from "./attempt-tools.ts";
import { outputFolder } from "./package-root.ts";
import {
  collectFailure,
  failedOnFullDisk,
  measuredOf,
  noPlace,
  outcomeOf,
  prepareFailure,
  ranOnOf,
  withMarks,
} from "./verdict.ts";

/** What an attempt begins with: a request, or what an earlier process of the agent left of it. */
export type Beginning =
  | { readonly kind: "requested"; readonly request: JobRequest }
  | { readonly kind: "leftover"; readonly leftover: Leftover };

export type AttemptMessage =
  | { readonly kind: "prepared" }
  | { readonly kind: "launched"; readonly execution: Execution }
  | { readonly kind: "notPrepared"; readonly error: unknown }
  | { readonly kind: "notLaunched"; readonly error: unknown }
  | { readonly kind: "exited"; readonly exit: Exit }
  | { readonly kind: "marksRead"; readonly exit: Exit }
  | { readonly kind: "look" }
  | { readonly kind: "shipped" }
  | { readonly kind: "signalled" }
  | { readonly kind: "end"; readonly cause: EndCause; readonly graceMs: number }
  | { readonly kind: "graceOver" }
  | { readonly kind: "collected"; readonly artifact: Artifact | null }
  | { readonly kind: "notCollected"; readonly error: unknown }
  | { readonly kind: "free" }
  | { readonly kind: "freed"; readonly error?: unknown }
  | { readonly kind: "trouble"; readonly doing: string; readonly error: unknown };

/** What it tells the agent actor. */
export type AttemptNews =
  | { readonly kind: "commandEnded"; readonly key: string }
  | { readonly kind: "finished"; readonly key: string; readonly ended: EndedAttempt }
  | { readonly kind: "progress"; readonly key: string; readonly progress: Progress }
  /** An earlier process of the agent ended before anything of it ran. */
  | { readonly kind: "neverBegan"; readonly key: string };

type State =
  | { readonly kind: "preparing" }
  | { readonly kind: "launching" }
  | { readonly kind: "running"; readonly execution: Execution; readonly timing: Timing }
  | { readonly kind: "collecting"; readonly exit: Exit }
  | { readonly kind: "reported"; readonly isFailure: boolean };

/** How often a running attempt's log is looked at. */
const LOOK_MS = 150;
/** What its marks say is told no more often than this, and at its end. */
const PROGRESS_MS = 1_000;

export class AttemptActor implements Behaviour<AttemptMessage> {
  readonly #key: string;
  readonly #record: AttemptRecord;
  readonly #beginning: Beginning;
  readonly #tools: AttemptTools;
  readonly #tell: (news: AttemptNews) => void;
  #place: Place | undefined;
  #log: ShippedLog | undefined;
  #state: State = { kind: "preparing" };
  #ended: { readonly cause: EndCause; readonly graceMs: number } | undefined;
  /** What it is prepared with need not come any more. */
  readonly #givenUp = new AbortController();
  #looking: Cancel | undefined;
  /** What its marks have said, as far as that was told, and when. */
  #said: Progress = { phase: null, percent: null };
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(
    key: string,
    record: AttemptRecord,
    beginning: Beginning,
    tools: AttemptTools,
    tell: (news: AttemptNews) => void,
  ) {
    this.#key = key;
    this.#record = record;
    this.#beginning = beginning;
    this.#tools = tools;
    this.#tell = tell;
  }

  started(context: Context<AttemptMessage>): void {
    if (this.#beginning.kind === "leftover") return this.#adopt(this.#beginning.leftover, context);
    const { request } = this.#beginning;
    const isReady = needsNothing(request);
    try {
      this.#place = this.#tools.workspaces.take(this.#record, isReady);
    } catch (error) {
      return this.#report(noPlace(error), undefined, null);
    }
    this.#log = this.#tools.openLog(this.#record, this.#place, this.#beginning.kind);
    if (isReady) return this.#launch(request, context);
    const fetched = this.#tools.fetch(request, this.#place, this.#givenUp.signal);
    this.#pipe(context, fetched, () => ({ kind: "prepared" }), "notPrepared");
  }

  receive(message: AttemptMessage, context: Context<AttemptMessage>): void {
    switch (message.kind) {
      case "prepared":
        return this.#onPrepared(context);
      case "launched":
        return this.#onLaunched(message.execution, context);
      case "notPrepared":
        return this.#report(this.#ended?.cause ?? prepareFailure(message.error), undefined, null);
      case "notLaunched":
        return this.#report(noPlace(message.error), undefined, null);
      case "exited":
        return this.#onExited(message.exit, context);
      case "look":
        return this.#onLook(context);
      case "marksRead":
        this.#sayProgress();
        return this.#collect(message.exit, context);
      case "shipped":
      case "signalled":
        return;
      case "end":
        return this.#end(message.cause, message.graceMs, context);
      case "graceOver":
        return this.#signal("KILL", context);
      case "collected":
        return this.#onCollected(undefined, message.artifact);
      case "notCollected":
        return this.#onCollected(collectFailure(message.error), null);
      case "free":
        return this.#onFree(context);
      case "freed":
        if (message.error !== undefined) {
          context.log.warn(
            { attempt: this.#key, error: String(message.error) },
            "its files could not all be removed",
          );
        }
        return context.stop();
      case "trouble":
        context.log.warn(
          { attempt: this.#key, error: String(message.error) },
          `trouble while ${message.doing}`,
        );
    }
  }

  #adopt(leftover: Leftover, context: Context<AttemptMessage>): void {
    this.#place = leftover.place;
    this.#log = this.#tools.openLog(this.#record, leftover.place, this.#beginning.kind);
    const { ended } = leftover.record;
    if (ended !== undefined) this.#ended = { cause: ended, graceMs: this.#tools.graceMs };
    this.#follow(this.#tools.adopt(leftover.record, leftover.place), context);
  }

  #onPrepared(context: Context<AttemptMessage>): void {
    if (this.#beginning.kind !== "requested") return;
    if (this.#ended !== undefined) return this.#report(this.#ended.cause, undefined, null);
    try {
      this.#tools.workspaces.launching(this.#place!, this.#record);
    } catch (error) {
      return this.#report(noPlace(error), undefined, null);
    }
    this.#launch(this.#beginning.request, context);
  }

  #launch(request: JobRequest, context: Context<AttemptMessage>): void {
    this.#follow(this.#tools.launch(request, this.#place!), context);
  }

  #follow(launched: Promise<Execution>, context: Context<AttemptMessage>): void {
    this.#state = { kind: "launching" };
    this.#pipe(context, launched, (execution) => ({ kind: "launched", execution }), "notLaunched");
  }

  #onLaunched(execution: Execution, context: Context<AttemptMessage>): void {
    const timing = beginTiming(context.monotonicMs(), execution.elapsedMs);
    this.#state = { kind: "running", execution, timing };
    context.pipe(
      execution.exit,
      (exit) => ({ kind: "exited", exit }),
      (error) => ({ kind: "exited", exit: { kind: "unknown", message: String(error) } }),
    );
    this.#looking = context.every(LOOK_MS, { kind: "look" });
    if (this.#ended !== undefined) this.#signalEnd(this.#ended.graceMs, context);
  }

  #onLook(context: Context<AttemptMessage>): void {
    if (this.#state.kind !== "running") return;
    const { timing, execution } = this.#state;
    const bytes = this.#log!.size();
    const { hasOutput, passed } = onLook(timing, this.#record.timeouts, bytes, context.monotonicMs());
    if (hasOutput) this.#ship(context);
    this.#log!.marks?.look(bytes);
    const now = context.monotonicMs();
    if (now - this.#saidMs >= PROGRESS_MS && this.#sayProgress()) this.#saidMs = now;
    if (passed === undefined || this.#ended !== undefined) return;
    if (execution.isFoundRunning === false || execution.hasEnded === true) return;
    this.#end(passed, this.#tools.graceMs, context);
  }

  /** Tells what its marks say now, if that is something else than before; says whether it did. */
  #sayProgress(): boolean {
    const marks = this.#log?.marks;
    if (marks === undefined) return false;
    const { phase, percent } = marks.said;
    if (phase === this.#said.phase && percent === this.#said.percent) return false;
    this.#said = { phase, percent };
    this.#tell({ kind: "progress", key: this.#key, progress: this.#said });
    return true;
  }

  #onExited(exit: Exit, context: Context<AttemptMessage>): void {
    this.#looking?.();
    if (exit.kind === "neverBegan" && this.#ended === undefined) return this.#giveBack();
    this.#state = { kind: "collecting", exit };
    const logBytes = this.#log!.close();
    if (logBytes > 0) this.#ship(context);
    const { marks } = this.#log!;
    if (marks === undefined) return this.#collect(exit, context);
    this.#pipe(context, marks.end(logBytes), () => ({ kind: "marksRead", exit }), "notCollected");
  }

  #collect(exit: Exit, context: Context<AttemptMessage>): void {
    if (this.#record.outputs.length === 0 || this.#outcome(exit).kind !== "succeeded") {
      return this.#onCollected(undefined, null);
    }
    this.#tell({ kind: "commandEnded", key: this.#key });
    this.#pipe(
      context,
      this.#upload(this.#place!),
      (artifact) => ({ kind: "collected", artifact }),
      "notCollected",
    );
  }

  async #upload(place: Place): Promise<Artifact | null> {
    return await this.#tools.artifacts.upload(outputFolder(this.#record, place), this.#record.outputs);
  }

  #onCollected(failure: Outcome | undefined, artifact: Artifact | null): void {
    if (this.#state.kind !== "collecting") return;
    const { exit } = this.#state;
    this.#report(failure ?? this.#outcome(exit), exit, artifact);
  }

  #outcome(exit: Exit): Outcome {
    const plain = outcomeOf(exit, this.#ended?.cause, this.#record.memoryBytes ?? undefined);
    const { marks } = this.#record;
    const said = this.#log?.marks?.said;
    const isJudged = marks !== undefined && said !== undefined && this.#ended === undefined;
    const outcome = isJudged ? withMarks(plain, exit, said, marks.verdict) : plain;
    return outcome.kind === "failed" && this.#tools.isDiskFull() ? failedOnFullDisk(outcome) : outcome;
  }

  #giveBack(): void {
    this.#state = { kind: "reported", isFailure: false };
    this.#tell({ kind: "neverBegan", key: this.#key });
  }

  #report(outcome: Outcome, exit: Exit | undefined, artifact: Artifact | null): void {
    this.#state = {
      kind: "reported",
      isFailure: outcome.kind !== "succeeded" && outcome.kind !== "cancelled",
    };
    const logBytes = this.#log?.close() ?? 0;
    const ended: EndedAttempt = { result: { outcome, ...measuredOf(exit), artifact, logBytes } };
    const ranOn = ranOnOf(exit, this.#record.image, this.#tools.hostIdentity);
    if (ranOn !== undefined) ended.ranOn = ranOn;
    if (outcome.kind === "succeeded" && this.#log?.marks?.said.saysOk === false) ended.implicit = true;
    this.#tell({ kind: "finished", key: this.#key, ended });
  }

  #end(cause: EndCause, graceMs: number, context: Context<AttemptMessage>): void {
    if (this.#state.kind === "collecting" || this.#state.kind === "reported") return;
    const isFirst = this.#ended === undefined;
    if (isFirst) {
      this.#ended = { cause, graceMs };
      this.#noteEnd(cause, context);
      this.#givenUp.abort();
    }
    if (this.#state.kind !== "running") return;
    if (isFirst) this.#signalEnd(graceMs, context);
    // Whoever ends it again may be in more of a hurry.
    else context.after(graceMs, { kind: "graceOver" });
  }

  /** For a successor that finds it ended by the signal, and would take that for the job's own end. */
  #noteEnd(cause: EndCause, context: Context<AttemptMessage>): void {
    try {
      this.#tools.workspaces.ending(this.#place!, cause);
    } catch (error) {
      context.log.warn({ attempt: this.#key, error: String(error) }, "why it is ended could not be noted");
    }
  }

  #signalEnd(graceMs: number, context: Context<AttemptMessage>): void {
    this.#signal("TERM", context);
    context.after(graceMs, { kind: "graceOver" });
  }

  #signal(signal: "TERM" | "KILL", context: Context<AttemptMessage>): void {
    if (this.#state.kind !== "running") return;
    context.pipe(
      this.#state.execution.signal(signal),
      () => ({ kind: "signalled" }),
      (error) => ({ kind: "trouble", doing: `sending ${signal}`, error }),
    );
  }

  #ship(context: Context<AttemptMessage>): void {
    context.pipe(
      this.#log!.ship(),
      () => ({ kind: "shipped" }),
      (error) => ({ kind: "trouble", doing: "shipping its log", error }),
    );
  }

  #onFree(context: Context<AttemptMessage>): void {
    if (this.#state.kind !== "reported") return;
    // No place could be made: nothing of it is there.
    if (this.#place === undefined || this.#log === undefined) return context.stop();
    context.pipe(
      this.#tools.free(this.#record, this.#place, this.#log, this.#state.isFailure),
      () => ({ kind: "freed" }),
      (error) => ({ kind: "freed", error }),
    );
  }

  #pipe<T>(
    context: Context<AttemptMessage>,
    promise: Promise<T>,
    done: (value: T) => AttemptMessage,
    failed: "notPrepared" | "notLaunched" | "notCollected",
  ): void {
    context.pipe(promise, done, (error) => ({ kind: failed, error }));
  }
}
