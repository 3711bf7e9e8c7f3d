/** The client over a bus: each verb of the control API, and the streams of events, logs and objects. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../bus/connection.ts";
import { callApi } from "../bus/request.ts";
import {
  type AgentQuestion,
  type AgentQuestionInput,
  type AnswerTo,
  EXEC_LIMIT_MS,
} from "../model/agent-question.ts";
import type { AgentView, ApiRequest, ApiResult, Explanation, JobView, RunView, Verb } from "../model/api.ts";
import { MillraceError } from "../model/error.ts";
import type { AgentEvent, RunEvent, RunStatus } from "../model/event.ts";
import type { GraphSpecInput } from "../model/job-spec.ts";
import type { AgentMode } from "../model/messages.ts";
import type { Artifact } from "../model/outcome.ts";
import { ArtifactStore } from "../store/artifact-store.ts";
import { putDocument } from "../store/document.ts";
import { JetStreamObjects } from "../store/jetstream-objects.ts";
import { tailLog } from "../store/log-tail.ts";
import { Artifacts } from "./artifacts.ts";
import type {
  ArtifactEntry,
  ArtifactSource,
  Cancelled,
  Client,
  ClusterStatus,
  Collection,
  CollectOptions,
  EventOptions,
  GraphNode,
  JobArtifact,
  JobFilter,
  LogOptions,
  LogRecord,
  RetryOptions,
  RunPlan,
  SubmitOptions,
  Submitted,
} from "./client.ts";
import { type DeadLetter, followDeadLetters } from "./dead-letters.ts";
import { readEventFeed } from "./event-feed.ts";
import { type JobRef, readJobLog } from "./job-log.ts";
import { readPages } from "./pages.ts";
import { waitForEnd } from "./run-end.ts";
import { newRunId } from "./run-id.ts";

/** Larger graphs travel as objects: a message holds 1 MiB at most. */
const INLINE_GRAPH_BYTES = 256 * 1024;
const COLLECTION_POLL_MS = 250;
const PLAN_PAGE = 1_000;
/** What a busy container engine may take for one of its calls. */
const ENGINE_LIMIT_MS = 60_000;

export class BusClient implements Client {
  readonly #bus: Bus;
  readonly #requestTimeoutMs: number;
  readonly #objects: JetStreamObjects;
  readonly #artifacts: Artifacts;

  constructor(bus: Bus, requestTimeoutMs: number) {
    this.#bus = bus;
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() });
    this.#artifacts = new Artifacts(
      new ArtifactStore(this.#objects),
      async (run, job) => (await this.#job(run, job)).artifact,
    );
  }

  get namespace(): string {
    return this.#bus.subjects.namespace;
  }

  async submit(
    graph: GraphSpecInput,
    { run = newRunId(), ...options }: SubmitOptions = {},
  ): Promise<Submitted> {
    return this.#call("submit", { run, graph: await this.#reference(graph), options });
  }

  /** The graph itself, or that of the object that it is stored as, where it is large. */
  async #reference(graph: GraphSpecInput): Promise<ApiRequest<"submit">["graph"]> {
    const bytes = Buffer.byteLength(JSON.stringify(graph));
    if (bytes <= INLINE_GRAPH_BYTES) return { inline: graph };
    return { digest: await putDocument(this.#objects, "graph", graph) };
  }

  async plan(graph: GraphSpecInput, options: Omit<SubmitOptions, "run"> = {}): Promise<RunPlan> {
    const request = { plan: newRunId(), graph: await this.#reference(graph), options, limit: PLAN_PAGE };
    const jobs: RunPlan["jobs"] = [];
    for (;;) {
      const page = await this.#call("plan", { ...request, offset: jobs.length });
      const { total, open, ...plan } = page;
      // It is being made, and the answer came as late as may be.
      if (open > 0) continue;
      jobs.push(...page.jobs);
      if (page.jobs.length === 0 || jobs.length >= total) return { ...plan, jobs };
    }
  }

  retry(retryOf: string, { run = newRunId(), ...options }: RetryOptions = {}): Promise<Submitted> {
    return this.#call("retry", { run, retryOf, options });
  }

  runs(filter: { readonly status?: RunStatus } = {}): AsyncIterable<RunView> {
    return readPages(async (page) => {
      const { total, runs } = await this.#call("runs", { ...page, ...filter });
      return { total, items: runs };
    });
  }

  run(run: string, options: { readonly forecast?: boolean } = {}): Promise<RunView> {
    return this.#call("run", { run, ...options });
  }

  jobs(run: string, { names, ...filter }: JobFilter = {}): AsyncIterable<JobView> {
    const named = names === undefined ? {} : { names: [...names] };
    return readPages(async (page) => {
      const { total, jobs } = await this.#call("jobs", { run, ...page, ...filter, ...named });
      return { total, items: jobs };
    });
  }

  graph(run: string): AsyncIterable<GraphNode> {
    return readPages(async (page) => {
      const { total, jobs } = await this.#call("graph", { run, ...page });
      return { total, items: jobs };
    });
  }

  cancel(
    run: string,
    options: { readonly job?: string; readonly by?: string; readonly reason?: string } = {},
  ): Promise<Cancelled> {
    return this.#call("cancel", { run, ...options });
  }

  async *cancelAll(
    { submitter }: { readonly submitter: string },
    options: { readonly by?: string; readonly reason?: string } = {},
  ): AsyncIterable<Cancelled & { readonly run: string }> {
    const seen = new Set<string>();
    // What is submitted from now on is not meant.
    let newest: string | undefined;
    for (;;) {
      const found: string[] = [];
      for await (const view of this.runs({ status: "running" })) {
        newest ??= view.submittedAt;
        const isMeant = view.submitter === submitter && view.submittedAt <= newest;
        if (isMeant && !seen.has(view.run)) found.push(view.run);
      }
      // Runs that end while pages are read move others to a page that is read already: until nothing is found.
      if (found.length === 0) return;
      for (const run of found) {
        seen.add(run);
        const answer = await this.cancel(run, options);
        if (answer.cancelled) yield { run, ...answer };
      }
    }
  }

  async setPriority(run: string, priority: number, options: { readonly job?: string } = {}): Promise<void> {
    for (;;) {
      const { priorityChanges: after } = await this.run(run);
      try {
        await this.#call("priority", { run, priority, after, ...options });
        return;
      } catch (error) {
        if (!(error instanceof MillraceError) || error.code !== "conflict") throw error;
        // Another one was faster; this one is still meant. When nothing was set, it is refused for another reason.
        if ((await this.run(run)).priorityChanges <= after) throw error;
      }
    }
  }

  explain(run: string, job: string): Promise<Explanation> {
    return this.#call("explain", { run, job });
  }

  agents(): AsyncIterable<AgentView> {
    return readPages(async (page) => {
      const { total, agents } = await this.#call("agents", page);
      return { total, items: agents };
    });
  }

  async setMode(agent: string, mode: AgentMode): Promise<void> {
    await this.#call("mode", { agent, mode });
  }

  async ask<K extends AgentQuestion["kind"]>(
    agent: string,
    question: Extract<AgentQuestionInput, { readonly kind: K }>,
  ): Promise<AnswerTo<K>> {
    const request = { id: newRunId(), agent, question };
    const timeoutMs = this.#requestTimeoutMs + workMs(question);
    const { answer } = await callApi(this.#bus, "ask", request, { timeoutMs });
    if (answer.kind === question.kind) return answer as AnswerTo<K>;
    throw new MillraceError(
      "corrupt",
      `agent ${agent} was asked for ${question.kind} and answers ${answer.kind}`,
    );
  }

  status(): Promise<ClusterStatus> {
    return this.#call("status", {});
  }

  async *collect({ signal, ...wishes }: CollectOptions = {}): AsyncIterable<Collection> {
    const request = { collection: newRunId(), ...wishes };
    for (;;) {
      const collection = await this.#call("gc", request);
      yield collection;
      if (collection.phase === "done" || collection.phase === "failed") return;
      await sleep(COLLECTION_POLL_MS, undefined, signal === undefined ? {} : { signal });
    }
  }

  events(options: EventOptions & { readonly run: string }): AsyncIterable<RunEvent>;
  events(options?: EventOptions): AsyncIterable<RunEvent | AgentEvent>;
  events(options: EventOptions = {}): AsyncIterable<RunEvent | AgentEvent> {
    if (options.from !== undefined && options.run === undefined) {
      throw new MillraceError("badInput", "`from` needs `run`: events are numbered within their run", {
        fix: "Name the run, or start from a time with `since`.",
      });
    }
    return readEventFeed(this.#bus, options, this.#requestTimeoutMs);
  }

  watch(run: string, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<RunEvent> {
    return this.events({ ...options, run, follow: true });
  }

  async waitFor(run: string, options: { readonly signal?: AbortSignal } = {}): Promise<RunView> {
    const { signal } = options;
    const view = await waitForEnd(this.#bus, run, () => this.run(run), signal);
    // Whoever reads its events next finds all of them stored.
    const feed = { run, type: "run.finished", follow: true, fromLatest: true, ...options } as const;
    for await (const _event of readEventFeed(this.#bus, feed, this.#requestTimeoutMs)) break;
    signal?.throwIfAborted();
    return view;
  }

  async *logs(run: string, job: string, options: LogOptions = {}): AsyncIterable<LogRecord> {
    const home = await this.#homeOf(run, await this.#job(run, job));
    yield* readJobLog(this.#bus, home, options, {
      view: () => this.#job(home.run, home.job),
      events: (signal) =>
        readEventFeed(
          this.#bus,
          { run: home.run, follow: true, fromLatest: true, signal },
          this.#requestTimeoutMs,
        ),
    });
  }

  async logTail(
    run: string,
    job: string,
    lines: number,
    options: { readonly attempt?: number } = {},
  ): Promise<string[]> {
    const view = await this.#job(run, job);
    const home = await this.#homeOf(run, view);
    if (home.run !== run || home.job !== job) return this.logTail(home.run, home.job, lines, options);
    const attempt = options.attempt ?? view.attempts.at(-1)?.attempt;
    return attempt === undefined ? [] : tailLog(this.#bus, { run, job, attempt, lines });
  }

  async *listArtifacts(run: string, job?: string): AsyncIterable<JobArtifact> {
    for await (const view of this.jobs(run, job === undefined ? {} : { job })) {
      if (view.artifact !== null) yield { job: view.job, artifact: view.artifact };
    }
  }

  artifactEntries(source: ArtifactSource): Promise<ArtifactEntry[]> {
    return this.#artifacts.entries(source);
  }

  downloadArtifact(source: ArtifactSource, folder: string): Promise<ArtifactEntry[]> {
    return this.#artifacts.download(source, folder);
  }

  openArtifactFile(source: ArtifactSource, path: string): AsyncIterable<Uint8Array> {
    return this.#artifacts.open(source, path);
  }

  uploadSources(root: string, globs: readonly string[]): Promise<Artifact> {
    return this.#artifacts.upload(root, globs);
  }

  deadLetters(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<DeadLetter> {
    return followDeadLetters(this.#bus, options.signal);
  }

  async close(): Promise<void> {
    this.#objects.close();
    await this.#bus.close();
  }

  /** Where the log of a job is: of one that was carried over or reused, with the run that executed it. */
  async #homeOf(run: string, { job, carriedFrom, reusedFrom }: JobView): Promise<JobRef> {
    const home = { run: reusedFrom?.run ?? carriedFrom ?? run, job: reusedFrom?.job ?? job };
    if (home.run === run) return home;
    const [own, earlier] = await Promise.all([this.run(run), this.#runIfKept(home.run)]);
    // Once it is given up, its id may be another run's. One that was joined may have been submitted later.
    const latest = reusedFrom === null ? own.submittedAt : (own.endedAt ?? new Date().toISOString());
    if (earlier !== undefined && earlier.submittedAt < latest) return home;
    throw new MillraceError("notFound", `the log of ${job} is gone with run ${home.run}, which executed it`);
  }

  async #runIfKept(run: string): Promise<RunView | undefined> {
    try {
      return await this.run(run);
    } catch (error) {
      if (error instanceof MillraceError && error.code === "notFound") return undefined;
      throw error;
    }
  }

  async #job(run: string, job: string): Promise<JobView> {
    const { jobs } = await this.#call("jobs", { run, job });
    const [view] = jobs;
    if (view !== undefined) return view;
    throw new MillraceError("notFound", `run ${run} has no job ${job}`, {
      fix: `List its jobs with \`millrace status --all ${run}\`.`,
    });
  }

  #call<V extends Verb>(verb: V, request: ApiRequest<V>): Promise<ApiResult<V>> {
    return callApi(this.#bus, verb, request, { timeoutMs: this.#requestTimeoutMs });
  }
}

/** How long an agent may rightly take. */
function workMs(question: AgentQuestionInput): number {
  switch (question.kind) {
    case "exec":
      return EXEC_LIMIT_MS;
    case "stop":
      return ENGINE_LIMIT_MS + (question.graceMs ?? 0);
    case "ping":
      return 0;
    default:
      return ENGINE_LIMIT_MS;
  }
}
