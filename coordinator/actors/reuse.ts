/**
 * The reuse actor: knows who runs which key, who waits for whom, and what was made lately; the rest it reads from the store.
 *
 *   early ──all claims told──▶ looking ──its artifact is there──▶ (hit)
 *                               │  ▲ ├──somebody holds the key──▶ joined ──the key is free──▶ looking
 *                               │  └─┼──something else was found meanwhile
 *                               └────┴──nobody has it──▶ comparing ──why is known, or too late──▶ (miss)
 *
 * Safe: 1. whoever is told of a miss holds the key, if nobody else does; 2. nobody is told of one while another holds it;
 * 3. a hit is told after its artifact is announced; 4. what a run says it made is recorded there. Live: 5. a question that
 * looks or compares is answered within `LIMIT_MS`, whatever the store does; 6. one that has joined is looked for again when
 * the key is free.
 */
import type { Behaviour, Context } from "../../shared/actor/contract.ts";
import { reasonOf } from "../../shared/model/error.ts";
import { type Claimant, ReuseClaims } from "../core/reuse-claims.ts";
import type { ReuseAnswer } from "../core/reuse-decide.ts";
import type { KeyKind, Remembered } from "../journal/reuse-store.ts";
import type { ReuseStores } from "../journal/reuse-stores.ts";
import type { Counters } from "./counters.ts";
import { compareWithLastTime } from "./reuse-comparison.ts";
import type { Look, ReuseMessage } from "./reuse-message.ts";

export interface ReuseOptions extends ReuseStores {
  readonly counters: Counters;
  /** It knows of no claims, and waits for those of all runs. */
  readonly onStarted: () => void;
}

interface Question {
  readonly id: number;
  readonly look: Look;
  phase: "early" | "looking" | "joined" | "comparing";
  /** Of its phase. */
  sinceMs: number;
}

const TICK_MS = 1_000;
const LIMIT_MS = 5_000;
/** What was made lately is known without the store, which may not have it yet. */
const RECENT = 20_000;
/** What is used is stored again when it is older, so that its age does not end. */
const FRESH_MS = 24 * 3600_000;

export class ReuseActor implements Behaviour<ReuseMessage> {
  readonly #options: ReuseOptions;
  readonly #claims = new ReuseClaims();
  readonly #questions = new Map<number, Question>();
  /** Of each run: its questions by job. */
  readonly #asking = new Map<string, Map<number, Question>>();
  /** By the key they wait for. */
  readonly #joined = new Map<string, Set<Question>>();
  readonly #recent = new Map<string, Remembered>();
  readonly #storing = new Set<Promise<unknown>>();
  #isRecovered = false;
  #lastId = 0;

  constructor(options: ReuseOptions) {
    this.#options = options;
  }

  started(context: Context<ReuseMessage>): void {
    context.every(TICK_MS, { kind: "tick" });
    this.#options.onStarted();
  }

  async stopped(): Promise<void> {
    await Promise.allSettled(this.#storing);
  }

  receive(message: ReuseMessage, context: Context<ReuseMessage>): void {
    switch (message.kind) {
      case "look":
        return this.#onLook(message, context);
      case "claims":
        this.#onRunClosed(message.run, context);
        for (const { keys, ...job } of message.claims) this.#claims.claim({ run: message.run, ...job }, keys);
        return;
      case "recovered":
        this.#isRecovered = true;
        for (const question of this.#questions.values())
          if (question.phase === "early") this.#search(question, context);
        return;
      case "released":
        this.#forget(this.#questionOf(message.run, message.job));
        return this.#wake(this.#claims.release(message.run, message.job), context);
      case "runClosed":
        return this.#onRunClosed(message.run, context);
      case "made":
        return this.#onMade(message, context);
      case "stored":
        if (message.failure === null) return;
        this.#options.counters.count("reuse.notStored");
        return context.log.warn({ reason: message.failure }, "a result is not remembered");
      case "tick":
        return this.#onTick(context);
    }
    const question = this.#questions.get(message.question);
    if (question !== undefined) this.#onProgress(question, message, context);
  }

  #onProgress(
    question: Question,
    message: Extract<ReuseMessage, { question: number }>,
    context: Context<ReuseMessage>,
  ): void {
    if (message.kind === "compared") {
      if (question.phase === "comparing") this.#miss(question, message.reason);
      return;
    }
    if (question.phase !== "looking") return;
    switch (message.kind) {
      case "found":
        if (message.result !== null && isOf(question, message.result))
          return this.#check(question, message.result, context);
        return this.#onNobody(question, undefined, context);
      case "checked":
        if (message.isThere) return this.#hit(question, message.result, context);
        this.#forgetResult(message.result);
        return this.#onNobody(question, goneReason(message.result), context);
      case "unfound":
        return this.#onNobody(question, `what is remembered can't be read: ${message.reason}`, context);
    }
  }

  #onLook(look: Look, context: Context<ReuseMessage>): void {
    const { run, job } = look;
    this.#forget(this.#questionOf(run, job));
    this.#wake(this.#claims.release(run, job), context);
    this.#lastId += 1;
    const question: Question = { id: this.#lastId, look, phase: "early", sinceMs: context.monotonicMs() };
    this.#questions.set(question.id, question);
    const asking = this.#asking.get(run);
    if (asking === undefined) this.#asking.set(run, new Map([[job, question]]));
    else asking.set(job, question);
    if (this.#isRecovered) this.#search(question, context);
  }

  #search(question: Question, context: Context<ReuseMessage>): void {
    enter(question, "looking", context);
    if (this.#takesKnown(question, context)) return;
    const { keys, cutoff } = question.look;
    const kind: KeyKind = cutoff ? "key" : "deepKey";
    context.pipe(
      this.#options.store.find(kind, keys[kind]),
      (result) => ({ kind: "found", question: question.id, result: result ?? null }),
      (error) => ({ kind: "unfound", question: question.id, reason: reasonOf(error) }),
    );
  }

  /** What this actor knows itself goes before what is stored. */
  #takesKnown(question: Question, context: Context<ReuseMessage>): boolean {
    const key = wantedKey(question);
    const recent = this.#recent.get(key);
    if (recent !== undefined && isOf(question, recent)) {
      this.#check(question, recent, context);
      return true;
    }
    const holder = this.#claims.holderOf(key);
    if (holder !== undefined) this.#join(question, holder, context);
    return holder !== undefined;
  }

  #check(question: Question, result: Remembered, context: Context<ReuseMessage>): void {
    const { artifact } = result;
    const { id } = question;
    context.pipe(
      artifact === null ? Promise.resolve(true) : this.#options.announce(artifact.digest),
      (isThere) => ({ kind: "checked", question: id, result, isThere }),
      (error) => ({ kind: "unfound", question: id, reason: reasonOf(error) }),
    );
  }

  #join(question: Question, { run, name }: Claimant, context: Context<ReuseMessage>): void {
    enter(question, "joined", context);
    const key = wantedKey(question);
    const others = this.#joined.get(key);
    if (others === undefined) this.#joined.set(key, new Set([question]));
    else others.add(question);
    answer(question, { kind: "joined", keys: question.look.keys, run, name });
  }

  /** The store has nothing of it; while that was read somebody may have begun, or even made it. */
  #onNobody(question: Question, reason: string | undefined, context: Context<ReuseMessage>): void {
    if (this.#takesKnown(question, context)) return;
    const { run, job, name, keys } = question.look;
    this.#claims.claim({ run, job, name }, keys);
    if (reason !== undefined) return this.#miss(question, reason);
    enter(question, "comparing", context);
    context.pipe(
      compareWithLastTime(this.#options, question.look),
      (why) => ({ kind: "compared", question: question.id, reason: why }),
      (error) => ({ kind: "compared", question: question.id, reason: reasonOf(error) }),
    );
  }

  /** It holds the keys from here on. */
  #miss(question: Question, reason: string): void {
    this.#forget(question);
    this.#options.counters.count("reuse.missed");
    answer(question, { kind: "miss", keys: question.look.keys, reason });
  }

  #hit(question: Question, result: Remembered, context: Context<ReuseMessage>): void {
    const { keys, name, components } = question.look;
    const { from, artifact, deepKey, at } = result;
    const isCutoff = deepKey !== keys.deepKey;
    this.#forget(question);
    this.#options.counters.count("reuse.hit");
    answer(question, { kind: "hit", keys, isCutoff, from, artifact });
    const { store } = this.#options;
    this.#store(store.rememberTime(name, { v: 1, run: from.run, components }), context);
    const now = context.now();
    if (now - at < FRESH_MS) return;
    // Nothing was made under the deep key of a cutoff.
    const kinds: KeyKind[] = isCutoff ? ["key"] : ["key", "deepKey"];
    for (const kind of kinds) this.#store(store.remember(kind, { ...result, at: now }), context);
  }

  #onMade(
    { run, job, result, last }: Extract<ReuseMessage, { kind: "made" }>,
    context: Context<ReuseMessage>,
  ): void {
    const { store } = this.#options;
    for (const kind of ["key", "deepKey"] as const) {
      this.#recent.delete(result[kind]);
      this.#recent.set(result[kind], result);
      this.#store(store.remember(kind, result), context);
    }
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= RECENT) break;
      this.#recent.delete(oldest);
    }
    this.#store(store.rememberTime(result.from.job, last), context);
    this.#forget(this.#questionOf(run, job));
    this.#wake(this.#claims.release(run, job), context);
  }

  #onRunClosed(run: string, context: Context<ReuseMessage>): void {
    for (const question of [...(this.#asking.get(run)?.values() ?? [])]) this.#forget(question);
    this.#wake(this.#claims.releaseRun(run), context);
  }

  #onTick(context: Context<ReuseMessage>): void {
    const now = context.monotonicMs();
    for (const question of [...this.#questions.values()]) {
      if (now - question.sinceMs < LIMIT_MS) continue;
      if (question.phase === "comparing") this.#miss(question, "its last success could not be read in time");
      else if (question.phase === "looking") this.#onLate(question, context);
    }
  }

  /** The store does not answer: it runs, unless somebody else does already. */
  #onLate(question: Question, context: Context<ReuseMessage>): void {
    const holder = this.#claims.holderOf(wantedKey(question));
    if (holder !== undefined) return this.#join(question, holder, context);
    const { run, job, name, keys } = question.look;
    this.#claims.claim({ run, job, name }, keys);
    this.#miss(question, `what is remembered could not be read within ${LIMIT_MS / 1000} s`);
  }

  /** Those who waited for these keys look again. */
  #wake(keys: readonly string[], context: Context<ReuseMessage>): void {
    for (const key of keys) {
      const waiting = this.#joined.get(key);
      this.#joined.delete(key);
      for (const question of waiting ?? []) this.#search(question, context);
    }
  }

  #store(promise: Promise<void>, context: Context<ReuseMessage>): void {
    this.#storing.add(promise);
    const done = (failure: string | null): ReuseMessage => {
      this.#storing.delete(promise);
      return { kind: "stored", failure };
    };
    context.pipe(
      promise,
      () => done(null),
      (error) => done(reasonOf(error)),
    );
  }

  #forgetResult({ key, deepKey }: Remembered): void {
    this.#recent.delete(key);
    this.#recent.delete(deepKey);
  }

  #questionOf(run: string, job: number): Question | undefined {
    return this.#asking.get(run)?.get(job);
  }

  #forget(question: Question | undefined): void {
    if (question === undefined) return;
    const { run, job } = question.look;
    this.#questions.delete(question.id);
    const asking = this.#asking.get(run);
    asking?.delete(job);
    if (asking?.size === 0) this.#asking.delete(run);
    const key = wantedKey(question);
    const waiting = this.#joined.get(key);
    waiting?.delete(question);
    if (waiting?.size === 0) this.#joined.delete(key);
  }
}

function enter(question: Question, phase: Question["phase"], context: Context<ReuseMessage>): void {
  question.phase = phase;
  question.sinceMs = context.monotonicMs();
}

/** What the result must have been made under. */
function wantedKey({ look }: Question): string {
  return look.cutoff ? look.keys.key : look.keys.deepKey;
}

/** Whether it was made of the same inputs: what has the same history need not have come out the same. */
function isOf({ look }: Question, result: Remembered): boolean {
  return result.key === look.keys.key;
}

function answer({ look: { job, ref } }: Question, said: ReuseAnswer): void {
  ref.tell({ kind: "looked", job, answer: said });
}

function goneReason({ from, artifact }: Remembered): string {
  const digest = artifact?.digest.slice(0, 12) ?? "";
  return `an equal job succeeded in run ${from.run}, but its artifact ${digest} is gone`;
}
