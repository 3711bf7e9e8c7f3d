/** People who submit runs and then change their minds: cancels, priorities and modes at random moments. */
import type { Verb } from "../../shared/model/api.ts";
import { putDocument } from "../../shared/store/document.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { askCluster } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import type { Complain } from "./judges/job-model.ts";
import type { JournalJudge } from "./judges/journal-judge.ts";
import { twinsOf, withReuse } from "./reuse-course.ts";
import { drawSubmission, drawTemper, ENDLESS, type Submission, withEndlessJob } from "./workload.ts";
import { HASTY_TURNS } from "./world.ts";

/** After which a cancellation that was not stored is asked for again. */
const CANCELLED_MS = 5_000;

/** After which somebody looks whether what was held is released. */
const RELEASED_MS = 8_000;
/** Between two tries to use a name again. */
const REUSING_MS = 2_000;
const REUSING_TRIES = 12;
/** Within this time after its end a run is retried. */
const RETRIED_MS = 5_000;

/** In some seeds so many runs are there from the beginning, with jobs of up to this time. */
const CROWD = 3;
const CROWDED_MS = 15_000;

/** The run that shows that no slot was left taken; nobody interferes with it. */
export const PROBE = "probe";

export class Commands {
  /** As clients store what is too large for a request. */
  readonly objects: Objects;
  /** How many requests were not answered yet. */
  open = 0;
  readonly submissions: Submission[] = [];
  readonly #cluster: Cluster;
  readonly #journal: JournalJudge;
  readonly #complain: Complain;
  readonly #dependencies: string;
  #wereToldModes = false;
  /** What was asked for of runs: it may be lost in a power cut. */
  readonly #said: { readonly verb: Verb; readonly request: object }[] = [];
  /** Nothing but a cancellation ends them. */
  readonly #toEnd: { readonly run: string; readonly job: string | undefined }[] = [];
  /** Runs that are retried when they end badly. */
  readonly #mayRetry = new Set<string>();
  /** How likely a result makes somebody give a command. */
  readonly #haste: number;

  constructor(cluster: Cluster, journal: JournalJudge, complain: Complain) {
    this.#cluster = cluster;
    this.#journal = journal;
    this.#complain = complain;
    this.#dependencies = `${cluster.world.subjects.root}.dep.`;
    this.objects = cluster.world.openClientObjects();
    this.#haste = cluster.world.chance.pick([0, 0, 0, 0.03, 0.2]);
  }

  /** Draws runs and commands and spreads them over a time. */
  schedule(lastMs: number): void {
    const { chance, clock } = this.#cluster.world;
    const isCrowded = chance.happens(0.1);
    const temper = isCrowded ? { ...drawTemper(chance), longestMs: CROWDED_MS } : drawTemper(chance);
    const runs = isCrowded ? CROWD : chance.pick([1, 1, 1, 2, 3]);
    for (let index = 1; index <= runs; index++) {
      const drawn = withReuse(this.#cluster.world, drawSubmission(chance, `r${index}`, temper));
      const isEndless = chance.happens(0.25);
      const submission = isEndless ? withEndlessJob(drawn, chance.happens(0.2)) : drawn;
      for (const { atMs, twin } of twinsOf(this.#cluster.world, drawn, lastMs))
        clock.schedule(atMs, () => this.submit(twin));
      this.#plantGraph(submission);
      const atMs = index === 1 || isCrowded ? 0 : chance.between(0, lastMs);
      clock.schedule(atMs, () => this.submit(submission));
      const ended = chance.happens(0.5) ? ENDLESS : undefined;
      if (isEndless) {
        clock.schedule(chance.between(atMs, lastMs), () => {
          this.#toEnd.push({ run: submission.run, job: ended });
          this.#end(submission.run, ended);
        });
      } else if (chance.happens(0.25)) this.#mayRetry.add(submission.run);
      if (chance.happens(0.2)) clock.schedule(chance.between(atMs, lastMs), () => this.#command(submission));
    }
    if (chance.happens(0.1)) clock.schedule(chance.between(0, lastMs), () => this.#setMode());
  }

  /** Somebody has submitted the same long ago; nothing of that is left but the graph. */
  #plantGraph({ jobs, isGraphStored }: Submission): void {
    const { chance, hasPast, retention, shelf } = this.#cluster.world;
    if (!hasPast || isGraphStored !== true || chance.happens(0.5)) return;
    shelf.bucket.agoMs = 2 * retention.unreferencedForMs;
    shelf.bucket.plantDocument("graph", { jobs });
    shelf.bucket.agoMs = 0;
  }

  /** When a result is told, what depends on it is about to start: the moment at which commands race with grants. */
  onPublished(subject: string): void {
    const { chance, clock, haste, usualLagMs } = this.#cluster.world;
    if (!subject.startsWith(this.#dependencies)) return;
    if (!chance.happens(Math.max(this.#haste, haste.likelihood))) return;
    const [run = "", told = ""] = subject.slice(this.#dependencies.length).split(".");
    const submission = this.submissions.find((known) => known.run === run);
    if (submission === undefined || run === PROBE) return;
    const next = submission.jobs.filter(({ needs }) => needs?.some(({ job }) => job === told));
    const withinMs = haste.withinMs + HASTY_TURNS * usualLagMs;
    if (haste.isWide && chance.happens(0.5)) {
      clock.schedule(chance.between(0, withinMs), () => this.cancel(run, undefined));
      return;
    }
    const job = next.length > 0 && chance.happens(0.7) ? chance.pick(next).name : undefined;
    clock.schedule(chance.between(0, withinMs), () => this.#command(submission, job));
  }

  /** Somebody runs the part of an ended run again that did not go well. */
  onEnded(run: string, status: string): void {
    const { chance, clock, coverage } = this.#cluster.world;
    const submission = this.submissions.find((known) => known.run === run);
    if (submission === undefined || !this.#mayRetry.delete(run) || status === "succeeded") return;
    // A cancel may come when all has been done.
    const jobs = this.#journal.runs.get(run)?.jobs ?? [];
    if (jobs.every(({ phase, ending }) => phase === "succeeded" || ending === "skipped")) return;
    const isFirst = !run.endsWith("-again");
    this.open += 1;
    clock.schedule(chance.between(0, RETRIED_MS), () => {
      this.open -= 1;
      if (isFirst && chance.happens(0.3)) this.#mayRetry.add(`${run}-again`);
      coverage.count("run retried");
      this.retry(submission, `${run}-again`);
    });
  }

  /** Asks for what did not go well in a run that has ended. */
  retry(submission: Submission, run: string): void {
    this.submissions.push({ ...submission, run });
    this.#begin("retry", { run, retryOf: submission.run });
  }

  /** Uses the name of a run that was given up, when it is free. */
  reuse(submission: Submission, tries = REUSING_TRIES): void {
    const { run, jobs, options } = submission;
    const { clock } = this.#cluster.world;
    const isNew = (): boolean => this.#journal.runs.get(run)?.isCondemned === false;
    this.ask("submit", { run, graph: { inline: { jobs } }, options }, (isDone, result) => {
      if (isNew()) return this.#replace(submission);
      if (isDone && (result as { repeated: boolean }).repeated === false && !this.#journal.isOver(run))
        this.#complain("storedFirst", `${run} is acknowledged before it is stored`);
      if (tries === 0) return;
      this.open += 1;
      clock.schedule(REUSING_MS, () => {
        this.open -= 1;
        this.reuse(submission, tries - 1);
      });
    });
  }

  #replace(submission: Submission): void {
    this.#drop(submission.run);
    this.submissions.push(submission);
  }

  /** Nobody waits for it. */
  #drop(run: string): void {
    const known = this.submissions.findIndex((submission) => submission.run === run);
    if (known !== -1) this.submissions.splice(known, 1);
  }

  submit(submission: Submission): void {
    const { run, jobs, options, isGraphStored } = submission;
    this.submissions.push(submission);
    if (isGraphStored !== true) return this.#begin("submit", { run, graph: { inline: { jobs } }, options });
    this.open += 1;
    void putDocument(this.objects, "graph", { jobs }).then((digest) => {
      this.open -= 1;
      this.#begin("submit", { run, graph: { digest }, options });
    });
  }

  /** Asks for a new run; where it may be refused, as an actor has failed or an end was forgotten, it is asked for again. */
  #begin(verb: Verb, request: { readonly run: string; readonly [more: string]: unknown }): void {
    const { run } = request;
    this.ask(verb, request, (isDone) => {
      if (!isDone && this.#isGivenUp(request.retryOf)) return this.#drop(run);
      if (!isDone && (this.#cluster.world.hasDefects || this.#cluster.world.hasLostPower))
        return this.#undo(verb, request);
      if (!isDone) this.#complain("submits", `${run} was refused`);
      else if (!this.#journal.runs.has(run)) {
        this.#complain("storedFirst", `${run} is acknowledged before it is stored`);
      }
    });
  }

  #isGivenUp(run: unknown): boolean {
    return typeof run === "string" && this.#journal.wasCondemned(run);
  }

  /** What was asked for of runs may be forgotten: it is said once more, but for what holds one. */
  sayAgain(): void {
    for (const { run, job } of this.#toEnd) this.#end(run, job);
    for (const { verb, request } of [...this.#said]) {
      if (!("priority" in request && request.priority === 0)) this.ask(verb, request);
    }
  }

  /** A command to the run, or to a job of it: to the one that is given. */
  #command({ run, jobs }: Submission, given?: string): void {
    const { chance } = this.#cluster.world;
    const job = given ?? chance.pick(jobs).name;
    switch (given === undefined ? chance.between(1, 6) : chance.pick([2, 4])) {
      case 1:
        return this.cancel(run, undefined);
      case 2:
        return this.cancel(run, job);
      case 3:
        return this.hold({ run });
      case 4:
      case 5:
        return this.hold({ run, job });
      default:
        return this.ask("priority", { run, priority: chance.between(1, 1_000) });
    }
  }

  /** Ends a run, or one job of it. */
  cancel(run: string, job: string | undefined): void {
    this.#cluster.world.coverage.count(job === undefined ? "run cancelled" : "job cancelled");
    this.ask("cancel", { run, job }, (isDone, result) => {
      const model = this.#journal.runs.get(run);
      if (!isDone || model === undefined || !(result as { cancelled: boolean }).cancelled) return;
      const isStored =
        job === undefined ? model.isCancelRequested : model.byName.get(job)?.isCancelRequested === true;
      if (!isStored) this.#complain("storedFirst", `${run}: a cancel is acknowledged before it is stored`);
    });
  }

  /** Cancels a run, or its endless job, until that is stored: nothing else would end it. */
  #end(run: string, job: string | undefined): void {
    this.open += 1;
    this.cancel(run, job);
    this.#cluster.world.clock.schedule(CANCELLED_MS, () => {
      this.open -= 1;
      const model = this.#journal.runs.get(run);
      const named = job === undefined ? model : model?.byName.get(job);
      if (named?.isCancelRequested !== true && !this.#journal.isOver(run)) this.#end(run, job);
    });
  }

  /** Holds a run, or one job of it, for a while. */
  hold(what: { readonly run: string; readonly job?: string }): void {
    this.#cluster.world.coverage.count("held, then released");
    this.ask("priority", { ...what, priority: 0 }, (isDone) => {
      const run = this.#journal.runs.get(what.run);
      const held = what.job === undefined ? run : run?.byName.get(what.job);
      const isStored = held?.wasHeld === true || run?.ended !== undefined;
      if (isDone && !isStored) {
        this.#complain("storedFirst", `${what.run}: a priority is acknowledged before it is stored`);
      }
      this.#release(what);
    });
  }

  /** Until the journal has it: an earlier try of the hold may come after it. */
  #release(what: { readonly run: string; readonly job?: string }): void {
    this.#undo("priority", { ...what, priority: 500 }, () => {
      this.open += 1;
      this.#cluster.world.clock.schedule(RELEASED_MS, () => {
        this.open -= 1;
        if (this.#journal.runs.get(what.run)?.isHeld(what.job) === true) this.#release(what);
      });
    });
  }

  /** An agent takes nothing new for a while. */
  #setMode(): void {
    const { chance, coverage } = this.#cluster.world;
    const agent = chance.pick(this.#cluster.agents).name;
    const mode = chance.pick(["held", "draining"]);
    coverage.count(`agent told to be ${mode}`);
    this.#wereToldModes = true;
    this.ask("mode", { agent, mode }, () => this.#undo("mode", { agent, mode: "active" }));
  }

  /** A command that got no answer in time may be carried out later than its opposite: agents are told once more. */
  activateAgents(): void {
    for (const { name } of this.#cluster.livingAgents) {
      if (this.#wereToldModes) this.ask("mode", { agent: name, mode: "active" });
    }
  }

  /** After a while, and until it is done; what was refused may have been done by an earlier try that got no answer. */
  #undo(verb: Verb, request: object, done: () => void = () => undefined): void {
    const { chance, clock } = this.#cluster.world;
    this.open += 1;
    clock.schedule(chance.between(10, 20_000), () => {
      this.open -= 1;
      this.ask(verb, request, (isDone) => {
        if (isDone) done();
        else if (!this.#isOver(request)) this.#undo(verb, request, done);
      });
    });
  }

  /** Nobody has to be asked any more: the run has ended, the agent is gone for good. */
  #isOver(request: { readonly run?: string; readonly agent?: string }): boolean {
    const agent = this.#cluster.agents.find(({ name }) => name === request.agent);
    return agent?.isGone === true || (request.run !== undefined && this.#journal.isOver(request.run));
  }

  /** Asks until there is an answer. */
  ask(
    verb: Verb,
    request: object,
    answered: (isDone: boolean, result: unknown) => void = () => undefined,
  ): void {
    this.open += 1;
    if (verb === "cancel" || verb === "priority") this.#said.push({ verb, request });
    void askCluster(this.#cluster, verb, request).then((answer) => {
      this.open -= 1;
      const { trace } = this.#cluster.world;
      trace.add("client", () => `${verb} ${shorten(request)}: ${shorten(answer ?? "no answer")}`);
      answered(answer?.ok === true, answer?.result);
    });
  }
}

function shorten(value: unknown): string {
  return JSON.stringify(value).slice(0, 120);
}
