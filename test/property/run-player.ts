import fc from "fast-check";
import { expect } from "vitest";
import * as decide from "../../coordinator/core/run-decide.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import { isFinal, jobAt, liveAttempt, priorityOf, type RunState } from "../../coordinator/core/run-state.ts";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import type { AttemptRef, ReportItem } from "../../shared/model/messages.ts";
import type { Outcome } from "../../shared/model/outcome.ts";
import { failed, RunDriver, resultOf, succeeded } from "../support/run-driver.ts";
import { RunModel } from "../support/run-model.ts";
import { checkRun } from "./run-checks.ts";

export const lost: Outcome = { kind: "lost", message: "its process is gone" };
export const cancelled: Outcome = { kind: "cancelled" };
export const outcomes: Outcome[] = [
  succeeded,
  failed,
  { kind: "timeout", limit: "run", limitMs: 5 },
  { kind: "outOfMemory", limitBytes: null },
  lost,
  cancelled,
];

/** How often each is taken; ends are rare enough that much happens before them. */
const actions = {
  grant: 100,
  start: 40,
  finish: 60,
  giveBack: 30,
  loseAgent: 15,
  forge: 10,
  repeat: 20,
  cancelJob: 12,
  hold: 25,
  release: 40,
  holdRun: 12,
  releaseRun: 60,
  checkQueue: 20,
  strand: 8,
  setClock: 10,
  takeOver: 10,
  cancelRun: 2,
} as const;
type Action = keyof typeof actions;

export const steps = fc.array(
  fc.record({
    pick: fc.nat(),
    outcome: fc.constantFrom(...outcomes, succeeded, succeeded),
    agent: fc.constantFrom("h1", "h2", "h3"),
    action: fc.oneof(
      ...Object.entries(actions).map(([action, weight]) => ({
        weight,
        arbitrary: fc.constant(action as Action),
      })),
    ),
  }),
  { maxLength: 150 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** Plays steps on a run, and on the model of it where there is one. */
export class RunPlayer {
  readonly run: RunDriver;
  readonly #model: RunModel | undefined;

  constructor(jobs: JobSpecInput[], runOptions: Partial<RunState["options"]>, run?: RunDriver) {
    this.run = run ?? new RunDriver(jobs, runOptions);
    if (run === undefined) this.#model = new RunModel(this.run.state, this.run.now);
  }

  take(step: Step): void {
    const { run } = this;
    run.now += 10;
    const candidates = this.#candidates(step.action);
    const index = candidates[step.pick % candidates.length] ?? step.pick % run.state.jobs.length;
    if (run.state.endedAt === null) this.#act(step, index);
    this.#model?.check();
    checkRun(run.state);
    if (run.inVain.some(({ type }) => type !== "claimed"))
      throw new Error(`in vain: ${JSON.stringify(run.inVain.at(-1))}`);
    this.#foldAgain();
  }

  /** The last record again changes nothing, unless it only says something; and nothing changes a run that has ended. */
  #foldAgain(): void {
    const { state, records } = this.run;
    const { lastAt } = state;
    for (const record of state.endedAt === null ? records.slice(-1) : records) {
      const isSaying = ["stranded", "prioritised", "claimed", "submitted"].includes(record.type);
      if (state.endedAt === null && isSaying) continue;
      expect(fold(state, record), JSON.stringify(record)).toEqual([]);
    }
    state.lastAt = lastAt;
  }

  /** Works on until nothing is left to do. */
  finishAll(): void {
    const { run } = this;
    this.#prioritise(null, 500);
    for (let rounds = 0; run.state.endedAt === null && rounds < 100; rounds++) {
      for (const index of run.state.jobs.keys()) {
        this.#prioritise(index, 500);
        this.#grant(index, "h1");
        this.#finish(index, succeeded);
      }
    }
    this.#model?.check();
    checkRun(run.state);
    this.#foldAgain();
    this.#askEnded();
  }

  /** Nothing that is asked of a run that has ended makes a record. */
  #askEnded(): void {
    const { state, now } = this.run;
    for (const job of [null, ...state.jobs.keys()]) {
      expect(decide.onCancelRequested(state, { job, by: "me", reason: "late" }, now)).toEqual([]);
      expect(decide.onPriorityRequested(state, { job, priority: 7 }, now)).toEqual([]);
    }
    expect(decide.onTakenOver(state, now)).toEqual([]);
    expect(decide.onClockSet(state, 5_000, now)).toEqual([]);
    expect(decide.onSettled(state, now)).toEqual([]);
  }

  /** The jobs to which an action means something. */
  #candidates(action: Action): number[] {
    const all = [...this.run.state.jobs.keys()];
    const { state } = this.run;
    const of = (isMeant: (index: number) => boolean) => all.filter(isMeant);
    const live = of((index) => this.#item(index) !== undefined);
    if (action === "grant") return of((index) => jobAt(state, index).phase === "ready");
    if (action === "repeat") return of((index) => jobAt(state, index).attempts.length > 1);
    if (action === "release") return of((index) => priorityOf(state, index) === 0);
    if (["start", "finish", "giveBack", "loseAgent"].includes(action)) return live;
    // What runs or waits in a backlog, where there is any: ending that is the hard part.
    if (["hold", "cancelJob"].includes(action) && live.length > 0) return live;
    return all;
  }

  #act({ action, pick: chance, outcome, agent }: Step, index: number): void {
    const { run } = this;
    switch (action) {
      case "grant":
        return this.#grant(index, agent);
      case "start":
        return this.#start(index);
      case "finish":
        return this.#finish(index, outcome);
      case "giveBack":
        return this.#giveBack(index);
      case "loseAgent":
        return this.#lose(index);
      case "forge":
        return this.#forge(index);
      case "repeat":
        return this.#repeat(index);
      case "cancelJob":
        return this.#cancel(index);
      case "cancelRun":
        return this.#cancel(null);
      case "hold":
        return this.#prioritise(index, 0);
      case "release":
        return this.#prioritise(index, 500);
      case "holdRun":
        return this.#prioritise(null, 0);
      case "releaseRun":
        return this.#prioritise(null, 500);
      case "checkQueue":
        return this.#checkQueue();
      case "strand":
        return this.#strand(index);
      case "setClock":
      case "takeOver": {
        const byMs = (chance % 200_000) - 100_000;
        const sinceMs = run.now - (run.records.at(-1)?.at ?? run.now);
        run.now += byMs;
        if (action === "setClock") run.record(decide.onClockSet(run.state, byMs, run.now));
        else run.record(decide.onTakenOver(run.state, run.now));
        return this.#model?.onClockMoved(action === "setClock" ? byMs : byMs + sinceMs);
      }
    }
  }

  #grant(index: number, agent: string): void {
    const { run } = this;
    const isWanted = jobAt(run.state, index).phase === "ready" && this.#model?.isHeld(index) !== true;
    expect(run.grant(run.state.graph.names[index] ?? "", agent)).toBe(isWanted);
    if (isWanted) this.#change(() => this.#model?.onGranted(index, agent));
  }

  #start(index: number): void {
    const item = this.#item(index);
    if (item === undefined) return;
    this.#report({ kind: "started", ...item }, false);
    this.#change(() => this.#model?.onStarted(index));
    const again = decide.onReported(
      this.run.state,
      this.#agent(index),
      { kind: "started", ...item },
      this.run.now,
      0.5,
    );
    expect(again).toEqual({ records: [], settles: false });
  }

  #finish(index: number, outcome: Outcome): void {
    const item = this.#item(index);
    if (item === undefined) return;
    const artifact = { digest: String(index).padStart(64, "0"), files: 1, bytes: 1 };
    const result = {
      ...resultOf(outcome),
      // Of an attempt that was ended in the backlog nothing was measured.
      ...(outcome.kind === "cancelled" ? { wallMs: null } : {}),
      ...(outcome.kind === "succeeded" ? { artifact } : {}),
    };
    this.#report({ kind: "finished", ...item, result }, true);
    this.#change(() => this.#model?.onFinished(index, outcome, this.run.now));
    const end = jobAt(this.run.state, index).attempts[item.attempt - 1]?.result?.outcome;
    if (isFinal(jobAt(this.run.state, index).phase)) expect(end?.kind).toBe(outcome.kind);
    const lostOn = this.#model?.job(index).lostOn ?? [];
    if (end?.kind === "lost" && this.run.phase(`j${index}`) === "failed") {
      for (const agent of lostOn) expect(end.message).toContain(agent);
    }
  }

  #giveBack(index: number): void {
    const item = this.#item(index);
    if (item === undefined) return;
    const isOverdue = this.#model?.isOverdue(index, this.run.now);
    this.#report({ kind: "returned", ...item, reason: "no room" }, true);
    this.#change(() => this.#model?.onReturned(index, this.run.now));
    if (isOverdue === true && this.#model?.phase(index) === "ready")
      this.#change(() => this.#model?.onFailedUnassigned(index));
  }

  #lose(index: number): void {
    const { run } = this;
    const isLive = this.#item(index) !== undefined;
    const records = decide.onAttemptLost(run.state, index, "its agent is gone", run.now, 0.5);
    expect(records).toHaveLength(isLive ? 1 : 0);
    run.record(records);
    if (isLive) this.#change(() => this.#model?.onFinished(index, lost, run.now));
  }

  /** Reports that are not of the attempt in force are refused and settled, whatever they say. */
  #forge(index: number): void {
    const { state, now } = this.run;
    const { attempt = 1, lease = "none" } = this.#item(index) ?? {};
    const ref = { run: "r1", job: index, attempt, lease };
    const agent = this.#agent(index);
    for (const [refusal, sender, stale] of [
      ["staleLease", agent, { ...ref, lease: "forged" }],
      ["staleLease", agent, { ...ref, attempt: attempt + 1 }],
      ["unknownJob", agent, { ...ref, job: state.jobs.length }],
      [lease === "none" ? "staleLease" : "otherAgent", "thief", ref],
    ] as const) {
      for (const item of itemsOf(stale)) {
        const answer = { records: [], settles: true, refusal };
        expect(decide.onReported(state, sender, item, now, 0.5)).toEqual(answer);
      }
    }
  }

  /** Reports on attempts that are over are settled again, and neither counted nor refused. */
  #repeat(index: number): void {
    const { state, now } = this.run;
    for (const { attempt, lease, agent, endedAt } of jobAt(state, index).attempts) {
      if (endedAt === null) continue;
      for (const item of itemsOf({ run: "r1", job: index, attempt, lease })) {
        expect(decide.onReported(state, agent, item, now, 0.5)).toEqual({ records: [], settles: true });
      }
    }
  }

  #cancel(index: number | null): void {
    const { run } = this;
    const request = { job: index, by: "me", reason: "why not" };
    run.record(decide.onCancelRequested(run.state, request, run.now));
    this.#change(() =>
      index === null ? this.#model?.onCancelRun("request") : this.#model?.onCancelJob(index),
    );
    expect(decide.onCancelRequested(run.state, request, run.now)).toEqual([]);
  }

  #prioritise(index: number | null, priority: number): void {
    const { run } = this;
    run.record(decide.onPriorityRequested(run.state, { job: index, priority }, run.now));
    if (run.state.endedAt === null) this.#change(() => this.#model?.onPrioritised(index, priority, run.now));
    expect(decide.onPriorityRequested(run.state, { job: index, priority }, run.now)).toEqual([]);
  }

  #checkQueue(): void {
    const { run } = this;
    const model = this.#model;
    if (model === undefined) return;
    const all = [...run.state.jobs.keys()];
    const overdue = all.filter((job) => model.isOverdue(job, run.now));
    const inBacklog = overdue.filter((job) => model.phase(job) === "assigned");
    const { records, recalls } = decide.onQueueCheck(run.state, all, run.now);
    expect(recalls.map(({ job }) => job)).toEqual(inBacklog);
    const orders = decide.onRecalled(run.state, [
      ...recalls,
      ...all.map((job) => ({ job, agent: "elsewhere" })),
    ]);
    expect(orders.map(({ order }) => order)).toMatchObject(inBacklog.map((job) => ({ kind: "recall", job })));
    const failing = overdue.filter((job) => model.phase(job) === "ready");
    expect(records).toHaveLength(failing.length);
    // One at a time, as the failure of one may cancel the others.
    for (const record of records) {
      if (record.type !== "failedUnassigned" || jobAt(run.state, record.job).phase !== "ready") continue;
      run.record([record]);
      this.#change(() => model.onFailedUnassigned(record.job));
    }
  }

  #strand(index: number): void {
    const { run } = this;
    const isReady = jobAt(run.state, index).phase === "ready";
    const records = decide.onStranded(run.state, index, "nobody can", run.now);
    expect(records.map(({ type }) => type)).toEqual(
      !isReady ? [] : [run.state.options.failUnschedulable ? "failedUnassigned" : "stranded"],
    );
    run.record(records);
    if (isReady && run.state.options.failUnschedulable)
      this.#change(() => this.#model?.onFailedUnassigned(index));
  }

  #report(item: ReportItem, settles: boolean): void {
    const { run } = this;
    const decision = decide.onReported(run.state, this.#agent(item.job), item, run.now, 0.5);
    expect({ settles: decision.settles, refusal: decision.refusal }).toEqual({ settles, refusal: undefined });
    run.record(decision.records);
  }

  /** Where its attempt in force is. */
  #agent(index: number): string {
    return liveAttempt(jobAt(this.run.state, index))?.agent ?? "nowhere";
  }

  #item(index: number) {
    const attempt = liveAttempt(jobAt(this.run.state, index));
    return attempt === undefined
      ? undefined
      : { run: "r1", job: index, attempt: attempt.attempt, lease: attempt.lease };
  }

  #change(act: () => void): void {
    this.#model?.change(this.run.now, act);
  }
}

/** All that an agent may say of an attempt. */
function itemsOf(ref: AttemptRef): ReportItem[] {
  return [
    { kind: "started", ...ref },
    { kind: "returned", ...ref, reason: "no room" },
    ...outcomes.map((outcome) => ({ kind: "finished" as const, ...ref, result: resultOf(outcome) })),
  ];
}
