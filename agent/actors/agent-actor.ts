/**
 * The agent: what it says to the coordinator and hears from it, and the attempts it runs.
 *
 * It registers with `hello`, repeated until orders come; says `heartbeat` at an interval; handles numbered orders
 * (`core/order-channel`); and keeps its attempts (`core/holdings`), each an actor of its own. Everything to report
 * in one turn goes in one message. Once a second it looks whether its host has trouble, such as a full disk, and takes no
 * jobs while it has. It stops in one of three ways (`core/stopping`).
 *
 * Safe: nothing is decided here; messages become events of the core, its effects become messages. Live: one timer
 * repeats what is unsettled and confirms orders when nothing else would.
 */
import type {
  ActorRef,
  Behaviour,
  Cancel,
  Context,
  Terminated,
  TransportStatus,
} from "../../shared/actor/contract.ts";
import { makeIncarnation } from "../../shared/model/incarnation.ts";
import type { AgentMode, HeldAttempt, Order, Orders } from "../../shared/model/messages.ts";
import { attemptKey } from "../core/attempt-key.ts";
import * as holdings from "../core/holdings.ts";
import {
  countRefusal,
  type OrderChannel,
  type OrderRefusal,
  onOrdersReceived,
  openOrderChannel,
} from "../core/order-channel.ts";
import { makeAllDue } from "../core/outbox.ts";
import { beginStop, isStopOver, type StopMode, type Stopping } from "../core/stopping.ts";
import { recordOf } from "../workspaces/attempt-record.ts";
import type { Leftover } from "../workspaces/workspaces.ts";
import { AgentVoice, type AgentVoiceOptions } from "./agent-voice.ts";
import { AttemptActor, type AttemptMessage, type AttemptNews, type Beginning } from "./attempt-actor.ts";
import type { AttemptTools } from "./attempt-tools.ts";
import { type HostAnswer, type HostQuestion, HostQuestions } from "./host-questions.ts";
import { type OrderReading, readOrders, type UnreadableOrder } from "./order-reading.ts";
import { Pulse } from "./pulse.ts";
import { type ReportDue, ReportHour } from "./report-hour.ts";
import { type Looked, RoomWatch } from "./room-watch.ts";

export interface AgentActorOptions extends AgentVoiceOptions {
  readonly tools: AttemptTools;
  readonly leftovers: readonly Leftover[];
  /** Until the coordinator gives another interval. */
  readonly heartbeatMs: number;
  /** It has stopped, in this mode in the end: nothing of it must be waited for any more. */
  readonly onStopped: (mode: StopMode) => void;
}

export type AgentMessage =
  | OrderReading
  | HostAnswer
  | Looked
  | { readonly kind: "introduce"; readonly againMs: number }
  | { readonly kind: "beat" }
  | { readonly kind: "pulse" }
  | ReportDue
  | { readonly kind: "transport"; readonly status: TransportStatus }
  | { readonly kind: "stop"; readonly mode: StopMode }
  | { readonly kind: "attemptEnded"; readonly key: string; readonly terminated: Terminated }
  | { readonly kind: "swept"; readonly key: string; readonly error?: unknown }
  | AttemptNews;

/** A coordinator that starts with the agent may not hear the first hello: it need not wait for a heartbeat. */
const FIRST_HELLO_AGAIN_MS = 30;
/** Each pause between two hellos is so much longer than the last: who comes to listen waits little, whenever that is. */
const HELLO_AGAIN_GROWTH = 1.25;
/** How often unsettled reports and unconfirmed orders are looked at, while there are any. */
const PULSE_MS = 250;
/** While it has attempts, it looks so many pulses apart whether it has room for jobs; otherwise with each heartbeat. */
const PULSES_A_LOOK = 4;
/** Between TERM and KILL when the agent stops at once. */
const STOP_GRACE_MS = 1_000;

export class AgentActor implements Behaviour<AgentMessage> {
  readonly #options: AgentActorOptions;
  readonly #held: holdings.Holdings;
  readonly #attempts = new Map<string, ActorRef<AttemptMessage>>();
  readonly #questions: HostQuestions;
  #channel: OrderChannel = openOrderChannel("");
  readonly #room: RoomWatch;
  /** The coordinator has spoken to this incarnation. */
  #isKnown = false;
  #voice: AgentVoice | undefined;
  #heartbeatMs: number;
  #beating: Cancel | undefined;
  readonly #pulse = new Pulse();
  readonly #reportHour = new ReportHour();
  #stopping: Stopping | undefined;
  #isStopped = false;

  constructor(options: AgentActorOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs;
    this.#room = new RoomWatch(() => options.tools.trouble());
    this.#questions = new HostQuestions(options.tools, (attempt) => this.#attempts.has(attempt));
    this.#held = holdings.emptyHoldings(options.identity.capacity, options.identity.versions.engine);
  }

  started(context: Context<AgentMessage>): void {
    const { subjects, identity, codec, leftovers, tools } = this.#options;
    this.#channel = openOrderChannel(makeIncarnation(tools.workspaces.recordsId, context.id()));
    this.#voice = new AgentVoice(this.#options, this.#channel, (subject, payload) =>
      context.publish(subject, payload),
    );
    context.subscribe(subjects.toAgent(identity.name), (payload) => readOrders(codec, payload));
    context.onTransport((status) => ({ kind: "transport", status }));
    for (const leftover of leftovers) this.#takeOver(leftover, context);
    this.#introduce(FIRST_HELLO_AGAIN_MS, context);
    this.#beating = context.every(this.#heartbeatMs, { kind: "beat" });
    this.#room.look(context);
    this.#keepPulse(context);
  }

  receive(message: AgentMessage, context: Context<AgentMessage>): void {
    this.#handle(message, context);
    this.#keepPulse(context);
  }

  #handle(message: AgentMessage, context: Context<AgentMessage>): void {
    const now = context.monotonicMs();
    switch (message.kind) {
      case "orders":
        return this.#onOrders(message.orders, message.unreadable, context);
      case "unreadableOrders":
        return this.#refuse(message.reason, message.problem, message.payload, context);
      case "answered":
        return this.#questions.onAnswered(message, this.#voice, context);
      case "looked":
        return this.#onLooked(message.trouble, context);
      case "introduce":
        return this.#introduce(message.againMs, context);
      case "beat":
        return this.#beat(context);
      case "pulse":
        return this.#onPulse(context);
      case "flush":
        return this.#sendReport(context);
      case "transport":
        if (message.status === "connected") this.#sayAllAgain(context);
        return;
      case "progress":
        return this.#apply(holdings.onProgress(this.#held, message.key, message.progress), context);
      case "commandEnded":
        return this.#apply(holdings.onCommandEnded(this.#held, message.key), context);
      case "neverBegan":
        return this.#apply(holdings.onNeverBegan(this.#held, message.key, now), context);
      case "finished":
        return this.#apply(holdings.onFinished(this.#held, message.key, message.ended, now), context);
      case "attemptEnded":
        return this.#onAttemptEnded(message.key, message.terminated, context);
      case "swept":
        if (message.error === undefined) return;
        return context.log.warn(
          { attempt: message.key, error: String(message.error) },
          "processes of it may be left",
        );
      case "stop":
        return this.#onStop(message.mode, context);
    }
  }

  #onOrders(batch: Orders, unreadable: readonly UnreadableOrder[], context: Context<AgentMessage>): void {
    const verdict = onOrdersReceived(this.#channel, batch);
    if (verdict.kind === "refused") {
      // Repeats, and gaps that repeats close, are how the channel works; anything else is worth a look.
      if (verdict.reason !== "duplicate" && verdict.reason !== "gap") {
        const problem = `batch ${batch.number} of epoch ${batch.epoch} for ${batch.incarnation}`;
        this.#announceRefusal(verdict.reason, problem, batch, context);
      }
      return;
    }
    if (verdict.newEpoch) makeAllDue(this.#held.outbox, context.monotonicMs());
    this.#setHeartbeat(batch.heartbeatMs, context);
    if (batch.refused !== undefined) {
      // Whoever has the name hears it, too.
      if (batch.incarnation !== this.#channel.incarnation) return;
      return context.log.error({ reason: batch.refused }, "not registered: give this agent another --name");
    }
    if (verdict.kind === "hello") return this.#sayAllAgain(context);
    this.#isKnown = true;
    for (const order of batch.orders) {
      if (order.kind === "ask") this.#questions.onAsked(order, this.#voice, context);
      else this.#apply(this.#onOrder(order, context.monotonicMs()), context);
    }
    // Somebody waits to hear that the mode is taken.
    if (batch.orders.some(({ kind }) => kind === "mode")) this.#voice?.heartbeat(this.#present());
    for (const order of unreadable) this.#onUnreadable(order, context);
  }

  #onOrder(order: Exclude<Order, HostQuestion>, now: number): holdings.HoldingEffect[] {
    switch (order.kind) {
      case "start":
        return holdings.onStartOrdered(this.#held, order.request, now);
      case "settle":
        return holdings.onSettleOrdered(this.#held, order);
      case "cancel":
        return holdings.onCancelOrdered(this.#held, order, now);
      case "recall":
        return holdings.onRecallOrdered(this.#held, order, now);
      case "mode":
        // An agent that is stopping drains, whatever else it is told.
        return this.#stopping === undefined ? holdings.onModeChanged(this.#held, order.mode, now) : [];
    }
  }

  #onUnreadable({ payload, problem, asksFor }: UnreadableOrder, context: Context<AgentMessage>): void {
    this.#refuse("order", problem, payload, context);
    if (asksFor !== undefined) holdings.onUnreadableStart(this.#held, asksFor, context.monotonicMs());
    this.#apply([], context);
  }

  #refuse(reason: OrderRefusal, problem: string, payload: unknown, context: Context<AgentMessage>): void {
    countRefusal(this.#channel, reason);
    this.#announceRefusal(reason, problem, payload, context);
  }

  /** Where operators see it. */
  #announceRefusal(
    reason: OrderRefusal,
    problem: string,
    payload: unknown,
    context: Context<AgentMessage>,
  ): void {
    context.log.warn({ reason, problem }, "orders refused");
    const { subjects, identity } = this.#options;
    context.deadLetter(`orders.${reason}`, subjects.toAgent(identity.name), payload);
  }

  /** What is told of trouble stays as it was first seen. */
  #onLooked(trouble: string | undefined, context: Context<AgentMessage>): void {
    if ((trouble === undefined) === (this.#held.trouble === undefined)) return;
    if (trouble === undefined) context.log.info({}, "takes jobs again");
    else context.log.warn({ trouble }, "takes no jobs");
    this.#apply(holdings.onTroubleChanged(this.#held, trouble, context.monotonicMs()), context);
    this.#voice?.heartbeat(this.#present());
  }

  #apply(effects: readonly holdings.HoldingEffect[], context: Context<AgentMessage>): void {
    for (const effect of effects) this.#carryOut(effect, context);
    if (holdings.hasAnswers(this.#held)) {
      this.#reportHour.onAnswers(holdings.mayGather(this.#held), context);
    } else if (this.#held.unsaid.length > 0) this.#reportHour.onStarted(context);
  }

  #carryOut(effect: holdings.HoldingEffect, context: Context<AgentMessage>): void {
    const { tools } = this.#options;
    switch (effect.kind) {
      case "accepted":
        return tools.prefetch(effect.request);
      case "withdrawn":
        return tools.endPrefetch(effect.key);
      case "launch":
        return this.#spawnAttempt(effect.key, { kind: "requested", request: effect.request }, context);
      case "end": {
        const graceMs = this.#stopping?.mode === "now" ? STOP_GRACE_MS : tools.graceMs;
        return this.#attempts.get(effect.key)?.tell({ kind: "end", cause: effect.cause, graceMs });
      }
      case "free":
        return this.#attempts.get(effect.key)?.tell({ kind: "free" });
    }
  }

  #takeOver(leftover: Leftover, context: Context<AgentMessage>): void {
    const { record } = leftover;
    const needs = { cpu: record.cpu ?? 0, memoryBytes: record.memoryBytes ?? 0 };
    holdings.onTakenOver(this.#held, record, needs);
    this.#spawnAttempt(attemptKey(record), { kind: "leftover", leftover }, context);
  }

  #spawnAttempt(key: string, beginning: Beginning, context: Context<AgentMessage>): void {
    const { tools } = this.#options;
    const record =
      beginning.kind === "leftover"
        ? beginning.leftover.record
        : recordOf(beginning.request, tools.workspaces.boot);
    const tell = (news: AttemptNews) => context.self.tell(news);
    const ref = context.spawn(
      key.replaceAll("/", "-"),
      () => new AttemptActor(key, record, beginning, tools, tell),
      { supervision: { decide: () => "stop" } },
    );
    this.#attempts.set(key, ref);
    context.watch(ref as ActorRef<never>, (terminated) => ({ kind: "attemptEnded", key, terminated }));
  }

  /** In order after `free`; otherwise its actor failed, and what it ran is ended and reported as lost. */
  #onAttemptEnded(key: string, { cause }: Terminated, context: Context<AgentMessage>): void {
    this.#attempts.delete(key);
    if (cause === "stopped") return this.#checkStopped(context);
    context.pipe(
      this.#options.tools.sweep(key),
      () => ({ kind: "swept", key }),
      (error) => ({ kind: "swept", key, error }),
    );
    const ended = holdings.withoutRun({ kind: "lost", message: "the agent failed while it ran" });
    this.#apply(holdings.onFinished(this.#held, key, ended, context.monotonicMs()), context);
  }

  #onStop(mode: StopMode, context: Context<AgentMessage>): void {
    const now = context.monotonicMs();
    this.#stopping = beginStop(this.#stopping, mode, now);
    if (this.#stopping.mode === "now") this.#apply(holdings.onStopNow(this.#held, now), context);
    else this.#apply(holdings.onModeChanged(this.#held, "draining", now), context);
    // Before what is given back: the coordinator would give it to this agent again.
    this.#voice?.heartbeat(this.#present());
    this.#checkStopped(context);
  }

  #checkStopped(context: Context<AgentMessage>): void {
    if (this.#stopping === undefined || this.#isStopped) return;
    const open = {
      working: !holdings.isIdle(this.#held),
      unsettled: this.#held.outbox.waiting.size,
      freeing: this.#attempts.size - this.#held.held.size,
    };
    const verdict = isStopOver(this.#stopping, open, context.monotonicMs());
    if (verdict === "not yet") return;
    this.#isStopped = true;
    if (verdict === "settled") this.#voice?.bye("stopped");
    this.#options.onStopped(this.#stopping.mode);
  }

  /** Until somebody answers, less and less often; then, as long as nobody does, with each heartbeat. */
  #introduce(againMs: number, context: Context<AgentMessage>): void {
    if (this.#isKnown || this.#isStopped) return;
    this.#voice?.hello(this.#present());
    if (againMs < this.#heartbeatMs)
      context.after(againMs, { kind: "introduce", againMs: HELLO_AGAIN_GROWTH * againMs });
  }

  #beat(context: Context<AgentMessage>): void {
    this.#room.look(context);
    if (!this.#isKnown) this.#voice?.hello(this.#present());
    this.#voice?.heartbeat(this.#present());
  }

  #onPulse(context: Context<AgentMessage>): void {
    if (this.#pulse.isNth(PULSES_A_LOOK)) this.#room.look(context);
    this.#sendReport(context);
    this.#checkStopped(context);
  }

  #keepPulse(context: Context<AgentMessage>): void {
    const isNeeded =
      this.#held.held.size > 0 ||
      this.#attempts.size > 0 ||
      this.#held.outbox.waiting.size > 0 ||
      this.#channel.confirmed < this.#channel.seen ||
      this.#stopping !== undefined;
    this.#pulse.keep(isNeeded, () => context.every(PULSE_MS, { kind: "pulse" }));
  }

  #sayAllAgain(context: Context<AgentMessage>): void {
    makeAllDue(this.#held.outbox, context.monotonicMs());
    this.#voice?.hello(this.#present());
    this.#sendReport(context);
  }

  #sendReport(context: Context<AgentMessage>): void {
    this.#reportHour.onSent();
    this.#voice?.report(holdings.takeReport(this.#held, context.monotonicMs()));
  }

  #present(): { mode: AgentMode; held: HeldAttempt[]; trouble: string | undefined } {
    const held = this.#held;
    return { mode: holdings.presentMode(held), held: holdings.listHeld(held), trouble: held.trouble };
  }

  #setHeartbeat(heartbeatMs: number, context: Context<AgentMessage>): void {
    if (heartbeatMs === this.#heartbeatMs) return;
    this.#heartbeatMs = heartbeatMs;
    this.#beating?.();
    this.#beating = context.every(heartbeatMs, { kind: "beat" });
  }
}
