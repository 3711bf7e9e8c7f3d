import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { carriedJobs, isRetriable } from "../../coordinator/core/carry-over.ts";
import * as decide from "../../coordinator/core/run-decide.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import {
  isAllowedFailure,
  isFinal,
  jobAt,
  liveAttempt,
  newRunState,
  priorityOf,
  type RunState,
} from "../../coordinator/core/run-state.ts";
import { targetsOf, transitiveNeeds } from "../../shared/model/graph.ts";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import type { AttemptRef, ReportItem } from "../../shared/model/messages.ts";
import type { Outcome } from "../../shared/model/outcome.ts";
import { failed, RunDriver, resultOf, succeeded } from "../support/run-driver.ts";
import { RunModel } from "../support/run-model.ts";

const lost: Outcome = { kind: "lost", message: "its process is gone" };
const cancelled: Outcome = { kind: "cancelled" };
const outcomes: Outcome[] = [
  succeeded,
  failed,
  { kind: "timeout", limit: "run", limitMs: 5 },
  { kind: "outOfMemory", limitBytes: null },
  lost,
  cancelled,
];

/** A random graph: job i needs some of the jobs before it. */
const graphs = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 4 }),
      when: fc.constantFrom("success" as const, "success" as const, "always" as const, "onFailure" as const),
      allowFailure: fc.boolean(),
      max: fc.nat({ max: 2 }),
      on: fc.subarray(["failure" as const, "timeout" as const, "outOfMemory" as const]),
      backoffMs: fc.constantFrom(0, 40),
      rerunAfterLoss: fc.boolean(),
      priority: fc.constantFrom(0, 500, 500, 500),
      queueMs: fc.constantFrom(undefined, undefined, 50),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drafts): JobSpecInput[] =>
    drafts.map(({ needs, when, allowFailure, rerunAfterLoss, priority, queueMs, ...retries }, index) => ({
      name: `j${index}`,
      run: { script: "true" },
      needs:
        index === 0 ? [] : [...new Set(needs.map((need) => need % index))].map((job) => ({ job: `j${job}` })),
      when,
      allowFailure,
      retries,
      rerunAfterLoss,
      priority,
      timeouts: queueMs === undefined ? {} : { queueMs },
    })),
  );

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

const steps = fc.array(
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

const options = fc.record({
  keepGoing: fc.constantFrom(true, true, false),
  failUnschedulable: fc.boolean(),
});

describe("any run", () => {
  it("is after every step as what was done to its jobs makes it, decides nothing in vain, and ends when work goes on", () => {
    fc.assert(
      fc.property(graphs, steps, options, (jobs, plan, runOptions) => {
        const player = new Player(jobs, runOptions);
        for (const step of plan) player.take(step);
        player.finishAll();
        const { state, records, changes } = player.run;
        expect(state.endedAt).not.toBeNull();
        expect(records.filter((record) => record.type === "ended")).toHaveLength(1);
        expect(records.at(-1)?.type).toBe("ended");
        expect(state.eventSeq).toBe(changes.length);
        const finals = changes.filter((change) =>
          ["succeeded", "failed", "blocked", "skipped", "cancelled"].includes(change.kind),
        );
        expect(finals).toHaveLength(jobs.length);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it("tries a job as often as its policy allows, whatever becomes of its attempts", () => {
    const plans = fc
      .constantFrom([lost, cancelled], [lost, failed], outcomes)
      .chain((kinds) => fc.array(fc.constantFrom(...kinds), { minLength: 5, maxLength: 12 }));
    fc.assert(
      fc.property(graphs, plans, (jobs, plan) => {
        const [job] = jobs;
        if (job === undefined) return;
        const player = new Player([{ ...job, when: "success" }], {});
        for (const outcome of plan) {
          for (const action of ["release", "grant", "finish"] as const) {
            player.take({ action, pick: 0, agent: "h1", outcome });
          }
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("comes out the same when its records are folded again", () => {
    fc.assert(
      fc.property(graphs, steps, options, (jobs, plan, runOptions) => {
        const player = new Player(jobs, runOptions);
        for (const step of plan) player.take(step);
        const { state, records } = player.run;
        const { graph, specs, vars, submittedAt } = state;
        const again = newRunState("r1", { vars: [...vars], jobs: [...specs] }, graph, {
          name: null,
          options: state.options,
          at: submittedAt,
        });
        for (const record of structuredClone(records)) fold(again, record);
        expect(again).toEqual(state);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("can be retried once it has ended badly: the retry has what ended well, and runs the rest", () => {
    fc.assert(
      fc.property(graphs, steps, (jobs, plan) => {
        const player = new Player(jobs, { keepGoing: true });
        for (const step of plan) player.take(step);
        player.finishAll();
        const { state } = player.run;
        if (!isRetriable(state)) {
          expect(["succeeded", "cancelled"]).toContain(state.status);
          return;
        }
        const carried = carriedJobs(state);
        const indexes = new Set(carried.map(({ job }) => job));
        const isAsBefore = (job: number) =>
          ["succeeded", "skipped"].includes(jobAt(state, job).phase) || isAllowedFailure(state, job);
        const expected = [...state.jobs.keys()].filter(
          (job) =>
            jobAt(state, job).phase !== "skipped" &&
            transitiveNeeds(state.graph, [job]).every((need) => isAsBefore(need)),
        );
        expect([...indexes].sort((a, b) => a - b)).toEqual(expected);
        const retry = new RunDriver(jobs, {}, { of: "r1", carried: { inline: carried } });
        retry.state.jobs.forEach(({ phase, artifact }, job) => {
          if (indexes.has(job)) expect({ phase, artifact }).toEqual(pick(jobAt(state, job)));
        });
        const run = new Player(jobs, {}, retry);
        run.finishAll();
        expect(retry.state.endedAt).not.toBeNull();
        for (const job of indexes) expect(jobAt(retry.state, job).attempts).toEqual([]);
        checkNeeds(retry.state);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

const pick = ({ phase, artifact }: RunState["jobs"][number]) => ({ phase, artifact });

/** Plays steps on a run, and on the model of it where there is one. */
class Player {
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

/** What holds of a run by itself, however it came about. */
function checkRun(state: RunState): void {
  const counted = new Map<string, number>();
  state.jobs.forEach((job, index) => {
    const name = state.graph.names[index];
    counted.set(job.phase, (counted.get(job.phase) ?? 0) + 1);
    if (job.attempts.some(({ attempt }, before) => attempt !== before + 1))
      throw new Error(`${name} has attempts out of order`);
    const open = job.attempts.filter(({ endedAt }) => endedAt === null);
    if (open.length !== (liveAttempt(job) === undefined ? 0 : 1))
      throw new Error(`${name} has ${open.length} open attempts`);
    if (["ready", "assigned", "running", "succeeded"].includes(job.phase) && job.rootCause !== null)
      throw new Error(`${name} has a root cause though nothing is wrong with it`);
    if (job.phase !== "blocked") return;
    const cause = job.rootCause === null ? undefined : state.jobs[job.rootCause]?.phase;
    const isBehind = transitiveNeeds(state.graph, [index]).includes(job.rootCause ?? -1);
    if (!isBehind || (cause !== "failed" && cause !== "cancelled"))
      throw new Error(`${name} is blocked by one that is ${cause}`);
  });
  for (const [phase, count] of Object.entries(state.counts)) {
    if ((counted.get(phase) ?? 0) !== count) throw new Error(`count of ${phase} is ${count}`);
  }
  checkNeeds(state);
}

/** No job is begun before its needs are final, and one that needs success only after success. */
function checkNeeds(state: RunState): void {
  state.jobs.forEach((job, index) => {
    if (job.attempts.length === 0 && job.phase !== "ready") return;
    for (const need of targetsOf(state.graph.needs, index)) {
      const { phase } = jobAt(state, need);
      const isGood = phase === "succeeded" || isAllowedFailure(state, need);
      if (!isFinal(phase) || (state.specs[index]?.when === "success" && !isGood))
        throw new Error(`${state.graph.names[index]} was begun while ${state.graph.names[need]} is ${phase}`);
    }
  });
}
