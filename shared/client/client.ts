/**
 * What tooling may do with a Millrace cluster. The types here name nothing of the message bus beneath.
 *
 * Whatever waits (events, logs, `waitFor`) goes on through restarts of the server and of the coordinator. A `signal`
 * ends an iteration quietly; it makes a promise reject with the signal's reason. Failures are `MillraceError`s.
 */
import type { AgentQuestion, AgentQuestionInput, AnswerTo } from "../model/agent-question.ts";
import type { AgentView, ApiResult, Explanation, JobView, RunOptions, RunView } from "../model/api.ts";
import type { AgentEvent, JobPhase, RunEvent, RunStatus } from "../model/event.ts";
import type { GraphSpecInput, Pairs } from "../model/job-spec.ts";
import type { AgentMode } from "../model/messages.ts";
import type { Artifact, Outcome } from "../model/outcome.ts";
import type { DeadLetter } from "./dead-letters.ts";

export interface ConnectOptions {
  /** URL of the NATS server, with credentials where it wants them. Default: the variable `MILLRACE_SERVER`. */
  readonly server?: string;
  /** Default: `default`. */
  readonly namespace?: string;
  /** How the connection is called in the server's listings. Default: `millrace-client`. */
  readonly name?: string;
  /** How long the first connection may take. Default: 5,000. */
  readonly timeoutMs?: number;
  /** How long a coordinator may take to answer, its restarts included; `Infinity` waits. Default: 10,000. */
  readonly requestTimeoutMs?: number;
}

export interface SubmitOptions extends Partial<RunOptions> {
  /** Id of the run. The same one again is the same run; made from the time when left out. */
  readonly run?: string;
}

/** What is left out is as in the run that is retried. */
export interface RetryOptions extends Partial<RunOptions> {
  /** Id of the new run. The same one again is the same run; made from the time when left out. */
  readonly run?: string;
}

/** All that is given has to hold. */
export interface JobFilter {
  readonly phase?: JobPhase;
  /** Only the job of this name, which the run must have. */
  readonly job?: string;
  /** Only jobs of these names, 1,000 at most; those that the run does not have are passed over. */
  readonly names?: readonly string[];
  /** What the name begins with. */
  readonly namePrefix?: string;
  /** The image that the graph names. */
  readonly image?: string;
  /** Variables that the job sees, with these values. */
  readonly env?: Pairs;
  /** An agent that an attempt was on. */
  readonly agent?: string;
}

export interface EventFilter {
  /** Only this run; agents' events are left out. */
  readonly run?: string;
  /** Only events of the job of this name. */
  readonly job?: string;
  /** Only events of these types, e.g. `job.failed`. */
  readonly type?: RunEvent["type"] | AgentEvent["type"] | readonly (RunEvent["type"] | AgentEvent["type"])[];
  /** Start with the events stored at or after this time. Default: all that are kept. */
  readonly since?: Date;
  /** Start with the event of this `seq`; needs `run`, as numbers are per run. */
  readonly from?: number;
}

export interface EventOptions extends EventFilter {
  /** Go on with what happens next. With `run` it ends after `run.finished`. Default: false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface LogOptions {
  /** Only this attempt. Default: all, one after the other. */
  readonly attempt?: number;
  /** Wait for a job that has not started, and read on until it has ended. Default: false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** Piece of a job's log, in order: an attempt begins, its bytes, it ends; at last the job's end. */
export type LogRecord =
  | { readonly kind: "attempt"; readonly attempt: number; readonly agent: string }
  | { readonly kind: "bytes"; readonly attempt: number; readonly offset: number; readonly bytes: Uint8Array }
  /** Bytes that the server no longer holds. */
  | { readonly kind: "lost"; readonly attempt: number; readonly offset: number; readonly bytes: number }
  | {
      readonly kind: "attemptEnded";
      readonly attempt: number;
      readonly outcome: Outcome;
      /** The job is tried again. */
      readonly retried: boolean;
    }
  /** The last record of a job that has ended. `outcome` is null where no attempt decided (blocked, skipped). */
  | {
      readonly kind: "ended";
      readonly phase: JobPhase;
      readonly outcome: Outcome | null;
      readonly reason: string | null;
    };

/** An artifact by its digest, or as that of a job. */
export type ArtifactSource = { readonly digest: string } | { readonly run: string; readonly job: string };

export interface ArtifactEntry {
  readonly path: string;
  readonly kind: "file" | "link" | "folder";
  readonly bytes: number;
  readonly executable: boolean;
  /** SHA-256 of a file's bytes; null otherwise. */
  readonly digest: string | null;
  /** Where a link points; null otherwise. */
  readonly target: string | null;
}

export interface JobArtifact {
  readonly job: string;
  readonly artifact: Artifact;
}

export type GraphNode = ApiResult<"graph">["jobs"][number];
export type Submitted = ApiResult<"submit">;
export type RunPlan = Omit<ApiResult<"plan">, "total" | "open">;
export type ClusterStatus = ApiResult<"status">;
export type Collection = ApiResult<"gc">;

export interface CollectOptions {
  /** Find what would go, and remove nothing. Default: false. */
  readonly dryRun?: boolean;
  /** Runs that ended longer ago go, too. */
  readonly olderThanMs?: number;
  /** Objects that no run refers to go after so long. Default: as the coordinator is told. */
  readonly unreferencedForMs?: number;
  readonly signal?: AbortSignal;
}
export type Cancelled = ApiResult<"cancel">;

/** A connection to one namespace of a cluster. Listings are read page by page, each as of when it is read. */
export interface Client {
  readonly namespace: string;

  /** Starts a run. Repeating it with the same `run` is safe: `repeated` says that it was there already. */
  submit(graph: GraphSpecInput, options?: SubmitOptions): Promise<Submitted>;
  /** What a run of this graph would do now, each job after all that it needs; nothing is started. */
  plan(graph: GraphSpecInput, options?: Omit<SubmitOptions, "run">): Promise<RunPlan>;
  /**
   * Runs again what of an ended run failed, was blocked or cancelled, as a new run with the same graph; what ended well
   * is carried over with its artifacts. Refused where there is nothing to run again.
   */
  retry(run: string, options?: RetryOptions): Promise<Submitted>;
  runs(filter?: { readonly status?: RunStatus }): AsyncIterable<RunView>;
  /** With `forecast` the leader is asked, who alone may know `expectedEndAt`. */
  run(run: string, options?: { readonly forecast?: boolean }): Promise<RunView>;
  jobs(run: string, filter?: JobFilter): AsyncIterable<JobView>;
  graph(run: string): AsyncIterable<GraphNode>;
  /** Cancels the run, or one job of it. */
  cancel(
    run: string,
    options?: { readonly job?: string; readonly by?: string; readonly reason?: string },
  ): Promise<Cancelled>;
  /** Cancels all runs of a submitter that live; gives those that it has cancelled. */
  cancelAll(
    of: { readonly submitter: string },
    options?: { readonly by?: string; readonly reason?: string },
  ): AsyncIterable<Cancelled & { readonly run: string }>;
  /** Sets the priority of the run, or of one job of it; 0 holds it. */
  setPriority(run: string, priority: number, options?: { readonly job?: string }): Promise<void>;
  /** Why a job is where it is. */
  explain(run: string, job: string): Promise<Explanation>;
  agents(): AsyncIterable<AgentView>;
  setMode(agent: string, mode: AgentMode): Promise<void>;
  /** Asks the host of an agent: how it is, its images and containers. What it asks to be done is done once. */
  ask<K extends AgentQuestion["kind"]>(
    agent: string,
    question: Extract<AgentQuestionInput, { readonly kind: K }>,
  ): Promise<AnswerTo<K>>;
  status(): Promise<ClusterStatus>;
  /** Has expired runs and unreferenced objects removed now; tells how far that is until it is over. */
  collect(options?: CollectOptions): AsyncIterable<Collection>;

  /** Replays stored events, then follows if asked to, without gap or repeat. */
  events(options: EventOptions & { readonly run: string }): AsyncIterable<RunEvent>;
  events(options?: EventOptions): AsyncIterable<RunEvent | AgentEvent>;
  /** All events of a run from its start until it has finished. */
  watch(run: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<RunEvent>;
  /** Resolves with the run once it has finished. */
  waitFor(run: string, options?: { readonly signal?: AbortSignal }): Promise<RunView>;

  /** What a job wrote to stdout and stderr; of a job that was carried over, in the run that executed it. */
  logs(run: string, job: string, options?: LogOptions): AsyncIterable<LogRecord>;
  /** The last lines of the job's latest attempt, or of the given one. */
  logTail(
    run: string,
    job: string,
    lines: number,
    options?: { readonly attempt?: number },
  ): Promise<string[]>;

  /** The artifacts of a run's jobs, or of one job. */
  listArtifacts(run: string, job?: string): AsyncIterable<JobArtifact>;
  artifactEntries(source: ArtifactSource): Promise<ArtifactEntry[]>;
  /** Makes `folder`, which must not exist or be empty, the artifact's content, verified: all of it, or nothing. Gives what is in it. */
  downloadArtifact(source: ArtifactSource, folder: string): Promise<ArtifactEntry[]>;
  openArtifactFile(source: ArtifactSource, path: string): AsyncIterable<Uint8Array>;
  /** Stores the files that match, as an artifact that jobs may have as their `sources`. */
  uploadSources(root: string, globs: readonly string[]): Promise<Artifact>;

  /** Messages that are refused from now on, with the reason; live, so many a second of each node. */
  deadLetters(options?: { readonly signal?: AbortSignal }): AsyncIterable<DeadLetter>;

  close(): Promise<void>;
}
