/**
 * Answers the control API from what a test has put in it, and stores events as a coordinator does. For tests of the
 * client alone; nothing is scheduled.
 */
import { noJobs } from "../../coordinator/core/run-state.ts";
import { type OpenJournal, openJournal } from "../../coordinator/journal/jetstream-journal.ts";
import { type Bus, connectBus } from "../../shared/bus/connection.ts";
import { serveApi } from "../../shared/bus/service.ts";
import { ensureStreams } from "../../shared/bus/streams.ts";
import { type ApiCommand, api, type JobView, type RunView, type Verb } from "../../shared/model/api.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";

type WithoutHead<E> = E extends RunEvent ? Omit<E, "v" | "seq" | "run" | "at"> : never;
/** An event as a test writes it: the number and the rest of the head are added. */
export type EventBody = WithoutHead<RunEvent>;

export const measured = { wallMs: 1, cpuMs: null, peakMemoryBytes: null, logBytes: 0 };

/** A view of a job that has not been touched. */
export function jobView(job: string, change: Partial<JobView> = {}): JobView {
  return {
    job,
    index: 0,
    phase: "waiting",
    priority: 500,
    attempts: [],
    artifact: null,
    rootCause: null,
    reason: null,
    carriedFrom: null,
    reusedFrom: null,
    ...change,
  };
}

export class FakeCoordinator {
  readonly bus: Bus;
  readonly runs = new Map<string, RunView>();
  readonly jobs = new Map<string, JobView[]>();
  /** What happens between two pages of a listing of runs. */
  betweenPages: () => void = () => undefined;
  /** What happens before a priority is set. */
  beforePriority: () => void = () => undefined;
  readonly requests: { verb: Verb; request: unknown }[] = [];
  readonly #log: OpenJournal;
  readonly #seq = new Map<string, number>();
  #stopService: () => Promise<void> = async () => {};

  private constructor(bus: Bus) {
    this.bus = bus;
    this.#log = openJournal(bus);
  }

  static async start(server: string, namespace = "test"): Promise<FakeCoordinator> {
    const bus = await connectBus({ server, namespace, name: "coordinator" });
    await ensureStreams(bus);
    const fake = new FakeCoordinator(bus);
    await fake.serve();
    return fake;
  }

  async serve(): Promise<void> {
    const service = await serveApi(this.bus, "0.0.0", async (verb, bytes) => {
      const request = api[verb].request.parse(JSON.parse(new TextDecoder().decode(bytes)));
      this.requests.push({ verb, request });
      return new TextEncoder().encode(JSON.stringify({ ok: true, result: this.#answer(verb, request) }));
    });
    this.#stopService = () => service.stop();
  }

  /** Stores events as one commit. */
  async emit(run: string, ...bodies: EventBody[]): Promise<void> {
    const first = (this.#seq.get(run) ?? 0) + 1;
    const at = new Date().toISOString();
    const events = bodies.map((body, index) => ({ v: 1, seq: first + index, run, at, ...body }));
    this.#seq.set(run, first + events.length - 1);
    await this.#log.eventLog.store(run, first, events);
  }

  /** Goes on with a run after what another one has stored. */
  async takeOver(run: string): Promise<void> {
    this.#seq.set(run, await this.#log.eventLog.lastSeq(run));
    if (!this.runs.has(run)) this.addRun(run);
  }

  async emitFleet(...events: object[]): Promise<void> {
    await this.#log.eventLog.storeFleet(events);
  }

  addRun(run: string, change: Partial<RunView> = {}): RunView {
    const counts = { ...noJobs };
    const view: RunView = {
      run,
      name: null,
      status: "running",
      submittedAt: new Date().toISOString(),
      endedAt: null,
      priority: 500,
      submitter: "",
      counts,
      reused: 0,
      jobs: 0,
      reason: null,
      retryOf: null,
      priorityChanges: 0,
      ...change,
    };
    this.runs.set(run, view);
    return view;
  }

  /** The run ends, as the API and as the events tell it; the live one may be lost. */
  async finish(run: string, { isHeard = true } = {}): Promise<void> {
    const view = this.addRun(run, { status: "succeeded", endedAt: new Date().toISOString() });
    const { status, counts, reason } = view;
    if (isHeard) this.bus.connection.publish(this.bus.subjects.runEvent(run, "run.finished"));
    await this.emit(run, { type: "run.finished", status, counts, wallMs: 1, reason });
  }

  async stop(): Promise<void> {
    await this.#stopService();
    this.#log.close();
    await this.bus.close();
  }

  #answer(verb: Verb, request: unknown): unknown {
    switch (verb) {
      case "submit": {
        const { run } = request as ApiCommand<"submit">;
        const repeated = this.runs.has(run);
        if (!repeated) this.addRun(run);
        return { run, jobs: 1, repeated };
      }
      case "run":
        return this.#run((request as ApiCommand<"run">).run);
      case "runs": {
        const { offset, limit, status } = request as ApiCommand<"runs">;
        const all = [...this.runs.values()].filter((run) => status === undefined || run.status === status);
        all.sort((a, b) => Date.parse(b.submittedAt) - Date.parse(a.submittedAt));
        const page = { total: all.length, runs: all.slice(offset, offset + limit) };
        this.betweenPages();
        return page;
      }
      case "cancel": {
        const { run } = request as ApiCommand<"cancel">;
        const view = this.#run(run);
        const cancelled = view.status === "running";
        if (cancelled) this.runs.set(run, { ...view, status: "cancelling" });
        return { cancelled, status: cancelled ? "cancelling" : view.status };
      }
      case "priority": {
        this.beforePriority();
        const { run, priority, after } = request as ApiCommand<"priority">;
        const view = this.#run(run);
        if (after !== view.priorityChanges) throw new MillraceError("conflict", "a priority was set since");
        this.runs.set(run, { ...view, priority, priorityChanges: view.priorityChanges + 1 });
        return { priority };
      }
      case "jobs": {
        const { run, job, offset, limit } = request as ApiCommand<"jobs">;
        this.#run(run);
        const all = (this.jobs.get(run) ?? []).filter((view) => job === undefined || view.job === job);
        return { total: all.length, jobs: all.slice(offset, offset + limit) };
      }
      case "status": {
        const { namespace } = this.bus.subjects;
        return { namespace, version: "0.0.0", epoch: 1, runs: this.runs.size, agents: 0, counters: [] };
      }
      default:
        throw new MillraceError("unsupported", `the fake does not know ${verb}`);
    }
  }

  #run(run: string): RunView {
    const view = this.runs.get(run);
    if (view === undefined) throw new MillraceError("notFound", `there is no run ${run}`);
    return view;
  }
}
