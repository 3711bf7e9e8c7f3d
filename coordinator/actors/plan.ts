/**
 * What a run would do: its graph is opened, and each job that is ready is looked for, as in a run; what is found counts as
 * done, so that its dependants are ready. Nothing is recorded, claimed or started.
 *
 *   opening ──▶ looking, for all that is ready at a time ──nothing is open──▶ weighing ──▶ adding up ──▶ answering
 *
 * What is left then needs something that would run. Weighed is whether the cutoff may spare it: not what has never succeeded,
 * nor what is another job by itself than the last time. When the time is over, what is open counts as not known.
 *
 * Who asks by an id takes page after page of one plan, and is told after a while that it is still being made; its time is
 * over when nothing comes of it. Who has no id has one answer, in time.
 */
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import type { ApiCommand } from "../../shared/model/api.ts";
import { asMillraceError, reasonOf } from "../../shared/model/error.ts";
import type { Change } from "../core/change.ts";
import type { ReuseKeys, RunRecord } from "../core/record.ts";
import { isUndecided, onLooked, type ReuseAnswer } from "../core/reuse-decide.ts";
import { componentsOf, ingredientsOf, keysFrom, ownComponents } from "../core/reuse-key.ts";
import { fold } from "../core/run-fold.ts";
import { mayBeSpared, type PlanTotals, totalsInSteps, viewPlan, viewUnfinished } from "../core/run-plan.ts";
import { newRunState, type RunState, specAt } from "../core/run-state.ts";
import type { ReuseStores } from "../journal/reuse-stores.ts";
import { type OpenedGraph, openGraph } from "../journal/submitted-graph.ts";
import type { Reply, RunMessage } from "./messages.ts";
import { PlanAskers } from "./plan-askers.ts";
import { compareWithLastTime, whyInAnyCase } from "./reuse-comparison.ts";
import { RunPlaces } from "./run-places.ts";
import type { CommonSurroundings } from "./run-registry.ts";

export type PlanMessage =
  | RunMessage
  | {
      readonly kind: "asked";
      readonly request: ApiCommand<"plan">;
      readonly replyTo: ActorRef<Reply>;
    }
  | { readonly kind: "opened" }
  /** There is more to do than one step may take. */
  | { readonly kind: "goOn" }
  | { readonly kind: "refused"; readonly reply: Reply }
  | { readonly kind: "answered"; readonly job: number; readonly answer: ReuseAnswer }
  | { readonly kind: "weighed"; readonly job: number; readonly reason: string | undefined }
  | { readonly kind: "late" };

export interface PlanOptions extends CommonSurroundings {
  readonly reuseStores: ReuseStores;
  /** The first question. */
  readonly request: ApiCommand<"plan">;
  readonly onStopped: () => void;
}

const RECHECK_MS = 1_000;
/** Who asks without an id waits for longer; who has one may wait as long again whenever something comes. */
const LIMIT_MS = 8_000;
/** Then a question with an id is answered by how far it is. Less than an asker waits for an answer. */
const UNFINISHED_MS = 2_000;
/** The next page is asked for at once, or never. */
const LINGER_MS = 10_000;
const STEP_MS = 10;
/** The answers of all at once would hold up others, and be in memory together. */
const ASKED_AT_A_TIME = 100;

export class PlanActor implements Behaviour<PlanMessage> {
  readonly #options: PlanOptions;
  #opened: OpenedGraph | undefined;
  #state: RunState | undefined;
  #places: RunPlaces | undefined;
  #sinceMs = 0;
  /** When something came of it last. */
  #progressMs = 0;
  readonly #askers = new PlanAskers();
  /** Ready jobs that are to be looked for. */
  readonly #due: number[] = [];
  readonly #unweighed: number[] = [];
  #adding: Generator<void, PlanTotals> | undefined;
  #totals: PlanTotals | undefined;
  #isGoingOn = false;
  /** Jobs that are asked for. */
  readonly #asked = new Set<number>();
  /** Ready jobs whose place is not known as yet. */
  #unplaced: number[] = [];
  /** Jobs that are weighed; undefined before. */
  #weighing: Set<number> | undefined;
  /** Why jobs would run whatever comes of their inputs. */
  readonly #sure = new Map<number, string>();
  #run = "";

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  started(context: Context<PlanMessage>): void {
    const { request, readGraph, fleet } = this.#options;
    this.#run = `plan-${context.id()}`;
    this.#sinceMs = context.monotonicMs();
    this.#progressMs = this.#sinceMs;
    // So that it hears of images.
    fleet.tell({ kind: "runOpened", run: this.#run, ref: context.self });
    context.every(RECHECK_MS, { kind: "recheck" });
    if (request.plan === undefined) context.after(LIMIT_MS, { kind: "late" });
    context.pipe(
      openGraph(request.graph, readGraph).then((opened) => {
        this.#opened = opened;
      }),
      () => ({ kind: "opened" }),
      (error) => {
        const { code, message, fix } = asMillraceError(error, "the graph could not be read");
        const reply: Reply = { ok: false, code, message, ...(fix === undefined ? {} : { fix }) };
        return { kind: "refused", reply };
      },
    );
  }

  stopped(): void {
    this.#options.onStopped();
    this.#options.fleet.tell({ kind: "runClosed", run: this.#run });
  }

  receive(message: PlanMessage, context: Context<PlanMessage>): void {
    switch (message.kind) {
      case "asked":
        this.#askers.add(message.request, message.replyTo, context.monotonicMs());
        if (this.#totals !== undefined) this.#answer(this.#totals, context);
        return;
      case "goOn":
        this.#isGoingOn = false;
        break;
      case "opened":
        this.#begin(context);
        break;
      case "refused":
        this.#askers.refuse(message.reply);
        return context.stop();
      case "answered":
        this.#progressMs = context.monotonicMs();
        if (this.#asked.delete(message.job)) this.#take(message.job, message.answer, context);
        break;
      case "weighed":
        this.#progressMs = context.monotonicMs();
        if (message.reason !== undefined) this.#sure.set(message.job, message.reason);
        this.#weighing?.delete(message.job);
        break;
      case "imageFound":
        this.#places?.onImageFound(message.agent, message.image, message.digest);
        this.#lookAgain(context);
        break;
      case "recheck":
        this.#lookAgain(context);
        this.#onTick(context);
        break;
      case "late":
        this.#giveUp(context);
        break;
      default:
        return;
    }
    if (this.#state !== undefined && this.#totals === undefined) this.#goOn(this.#state, context);
  }

  /** One step of whatever is to be done now. */
  #goOn(state: RunState, context: Context<PlanMessage>): void {
    const endMs = context.monotonicMs() + STEP_MS;
    const isOver = (): boolean => context.monotonicMs() >= endMs;
    while (this.#due.length > 0 && this.#asked.size < ASKED_AT_A_TIME && !isOver())
      this.#look(this.#due.pop() as number, context);
    if (this.#due.length > 0 && this.#asked.size < ASKED_AT_A_TIME) return this.#later(context);
    if (this.#asked.size + this.#unplaced.length > 0) return;
    this.#weighing ??= this.#beginWeighing(state);
    const isFull = (): boolean => (this.#weighing?.size ?? 0) - this.#unweighed.length >= ASKED_AT_A_TIME;
    while (this.#unweighed.length > 0 && !isFull() && !isOver())
      this.#weigh(state, this.#unweighed.pop() as number, context);
    if (this.#unweighed.length > 0 && !isFull()) return this.#later(context);
    if (this.#weighing.size > 0) return;
    this.#adding ??= totalsInSteps(state, this.#sure, this.#options.estimates, this.#slots());
    const step = this.#adding.next();
    if (!step.done) return this.#later(context);
    this.#totals = step.value;
    this.#answer(step.value, context);
  }

  /** Others have their turn before. */
  #later(context: Context<PlanMessage>): void {
    if (this.#isGoingOn) return;
    this.#isGoingOn = true;
    context.self.tell({ kind: "goOn" });
  }

  #onTick(context: Context<PlanMessage>): void {
    const now = context.monotonicMs();
    if (this.#options.request.plan === undefined) return;
    if (now - this.#askers.lastMs > LINGER_MS) return context.stop();
    if (this.#totals !== undefined) return;
    const open = this.#asked.size + this.#unplaced.length + this.#due.length + (this.#weighing?.size ?? 0);
    this.#askers.answer(() => viewUnfinished(this.#state, open), now - UNFINISHED_MS);
    if (this.#state !== undefined && now - this.#progressMs > LIMIT_MS) this.#giveUp(context);
  }

  #begin(context: Context<PlanMessage>): void {
    const { request } = this.#options;
    const { spec, graph } = this.#opened ?? {};
    if (spec === undefined || graph === undefined) return;
    const submitted = {
      type: "submitted" as const,
      at: context.now(),
      name: null,
      graph: { inline: spec },
      jobs: graph.size,
      options: request.options,
    };
    this.#state = newRunState(this.#run, spec, graph, submitted);
    this.#places = new RunPlaces(this.#state, this.#options, context);
    this.#fold(submitted);
  }

  /** What is ready by a record is looked for. */
  #fold(record: RunRecord): void {
    const changes: readonly Change[] = this.#state === undefined ? [] : fold(this.#state, record);
    for (const change of changes) if (change.kind === "ready") this.#due.push(change.job);
  }

  #take(job: number, answer: ReuseAnswer, context: Context<PlanMessage>): void {
    if (this.#state === undefined) return;
    for (const record of onLooked(this.#state, job, answer, context.now())) this.#fold(record);
  }

  #look(job: number, context: Context<PlanMessage>): void {
    const state = this.#state;
    if (state === undefined || !isUndecided(state, job)) return;
    const expected = this.#places?.placeOf(job, this.#sinceMs) ?? { kind: "open" };
    if (expected.kind === "open") {
      this.#unplaced.push(job);
      return;
    }
    const ingredients = expected.kind === "known" ? ingredientsOf(state, job, expected.place) : undefined;
    if (ingredients === undefined) {
      const reason = expected.kind === "unknown" ? expected.reason : "what it needs indirectly may still run";
      return this.#take(job, { kind: "miss", keys: null, reason }, context);
    }
    this.#asked.add(job);
    const { reuseStores, request } = this.#options;
    const { cutoff } = request.options;
    const compared = { name: specAt(state, job).name, components: componentsOf(ingredients), cutoff };
    context.pipe(
      lookIn(reuseStores, keysFrom(ingredients), compared),
      (answer) => ({ kind: "answered", job, answer }),
      (error) => ({
        kind: "answered",
        job,
        answer: { kind: "miss", keys: null, reason: `what is remembered can't be read: ${reasonOf(error)}` },
      }),
    );
  }

  #lookAgain(context: Context<PlanMessage>): void {
    for (const job of this.#unplaced.splice(0)) this.#look(job, context);
  }

  #beginWeighing(state: RunState): Set<number> {
    for (const job of state.graph.order) if (mayBeSpared(state, job)) this.#unweighed.push(job);
    return new Set(this.#unweighed);
  }

  #weigh(state: RunState, job: number, context: Context<PlanMessage>): void {
    const expected = this.#places?.placeOf(job, this.#sinceMs);
    const own = expected?.kind === "known" ? ownComponents(state, job, expected.place) : undefined;
    context.pipe(
      whyInAnyCase(this.#options.reuseStores, specAt(state, job).name, own),
      (reason) => ({ kind: "weighed", job, reason }),
      () => ({ kind: "weighed", job, reason: undefined }),
    );
  }

  #giveUp(context: Context<PlanMessage>): void {
    const late: ReuseAnswer = { kind: "miss", keys: null, reason: "it could not be looked for in time" };
    const open = [...this.#asked, ...this.#unplaced, ...this.#due];
    this.#asked.clear();
    this.#unplaced = [];
    this.#due.length = 0;
    this.#unweighed.length = 0;
    for (const job of open) this.#take(job, late, context);
    this.#weighing = new Set();
  }

  #slots(): number {
    const { request, schedule } = this.#options;
    const { pool } = request.options;
    return schedule.current
      .offers()
      .filter((offer) => offer.mode === "active" && offer.pool === pool)
      .reduce((sum, { capacity }) => sum + capacity.slots, 0);
  }

  #answer(totals: PlanTotals, context: Context<PlanMessage>): void {
    const state = this.#state;
    if (state === undefined) return;
    this.#askers.answer((request) => viewPlan(state, this.#sure, totals, request, this.#options.estimates));
    if (this.#options.request.plan === undefined) context.stop();
  }
}

async function lookIn(
  stores: ReuseStores,
  keys: ReuseKeys,
  compared: Parameters<typeof compareWithLastTime>[1],
): Promise<ReuseAnswer> {
  const kind = compared.cutoff ? "key" : "deepKey";
  const result = await stores.store.find(kind, keys[kind]);
  if (result === undefined || result.key !== keys.key)
    return { kind: "miss", keys, reason: await compareWithLastTime(stores, compared) };
  const { from, artifact, deepKey } = result;
  if (artifact !== null && !(await stores.announce(artifact.digest))) {
    const reason = `an equal job succeeded in run ${from.run}, but its artifact is gone`;
    return { kind: "miss", keys, reason };
  }
  return { kind: "hit", keys, isCutoff: deepKey !== keys.deepKey, from, artifact };
}
