/** What attempts of one agent share: folders, inputs, runners, the stores. All the I/O of an attempt is behind it. */
import type { AgentAnswer, AgentQuestion, AgentRefusal } from "../../shared/model/agent-question.ts";
import type { Pairs } from "../../shared/model/job-spec.ts";
import type { JobRequest } from "../../shared/model/messages.ts";
import type { Artifact } from "../../shared/model/outcome.ts";
import { attemptKey } from "../core/attempt-key.ts";
import { uptimeMs } from "../runners/process-census.ts";
import { punch } from "../runners/punched-file.ts";
import type { Execution, Runner } from "../runners/runner.ts";
import type { AttemptRecord } from "../workspaces/attempt-record.ts";
import type { DiskWatch } from "../workspaces/disk-watch.ts";
import type { Place } from "../workspaces/place.ts";
import type { Workspaces } from "../workspaces/workspaces.ts";
import { AttemptInputs, type AttemptInputsOptions, hasInputs } from "./attempt-inputs.ts";
import { AttemptLog, type LogSink } from "./attempt-log.ts";
import type { LogBacklog } from "./log-backlog.ts";
import { packageRootOf, programIn } from "./package-root.ts";

/** The part of the artifact store that attempts use. */
export interface ArtifactSink {
  upload(root: string, patterns: readonly string[]): Promise<Artifact | null>;
}

export interface AttemptToolsOptions extends AttemptInputsOptions {
  readonly workspaces: Workspaces;
  readonly shell: Runner;
  readonly containers: Runner;
  readonly disk: DiskWatch;
  readonly logBacklog: LogBacklog;
  readonly artifacts: ArtifactSink;
  readonly openLogSink: (record: AttemptRecord, fromOffset: number) => LogSink;
  readonly keepFailed: boolean;
  /** Between TERM and KILL when an attempt passes a limit or is cancelled. */
  readonly graceMs: number;
  readonly answer: AttemptTools["answer"];
  /** What jobs without an image find on this host. */
  readonly hostIdentity: string;
  /** Told where a failed attempt was kept. */
  readonly onKept: (record: AttemptRecord, folder: string) => void;
}

/** An attempt's log as its actor uses it. */
export type ShippedLog = Pick<AttemptLog, "size" | "isWhole" | "marks" | "close" | "ship" | "stored">;

/** What agent and attempts ask of their host. */
export interface AttemptTools {
  readonly workspaces: Pick<Workspaces, "boot" | "recordsId" | "take" | "launching" | "ending">;
  readonly artifacts: ArtifactSink;
  /** Between TERM and KILL when an attempt passes a limit or is cancelled. */
  readonly graceMs: number;
  /** What jobs without an image find on this host. */
  readonly hostIdentity: string;
  /** Answers a question about the host; `isHeld` knows the attempts that the agent has yet, by their keys. */
  answer(question: AgentQuestion, isHeld: (attempt: string) => boolean): Promise<AgentAnswer | AgentRefusal>;
  openLog(record: AttemptRecord, place: Place, beginning: "requested" | "leftover"): ShippedLog;
  /** Why nothing can be started here at present, such as a disk that is nearly full. */
  trouble(): Promise<string | undefined>;
  /** Whether nothing more can be written here. */
  isDiskFull(): boolean;
  /** Fetches ahead what a queued attempt will need. */
  prefetch(request: JobRequest): void;
  /** It will not start here: what is not there yet is fetched no further for it. */
  endPrefetch(key: string): void;
  /** Puts inputs and sources into the attempt's place; rejects at once when the signal comes. */
  fetch(request: JobRequest, place: Place, signal: AbortSignal): Promise<void>;
  launch(request: JobRequest, place: Place): Promise<Execution>;
  /** Takes over what an earlier process of the agent started. */
  adopt(record: AttemptRecord, place: Place): Promise<Execution>;
  /** Ends whatever may be left of an attempt whose actor failed. */
  sweep(key: string): Promise<void>;
  /** Removes an attempt's files, or moves them to where failed ones are kept, once its log is stored. */
  free(record: AttemptRecord, place: Place, log: ShippedLog, failed: boolean): Promise<void>;
}

/** The tools of a real host. */
export class HostTools implements AttemptTools {
  readonly workspaces: Workspaces;
  readonly artifacts: ArtifactSink;
  readonly graceMs: number;
  readonly hostIdentity: string;
  readonly #options: AttemptToolsOptions;
  readonly #inputs: AttemptInputs;

  constructor(options: AttemptToolsOptions) {
    this.workspaces = options.workspaces;
    this.artifacts = options.artifacts;
    this.graceMs = options.graceMs;
    this.hostIdentity = options.hostIdentity;
    this.#options = options;
    this.#inputs = new AttemptInputs(options);
  }

  answer(question: AgentQuestion, isHeld: (attempt: string) => boolean): Promise<AgentAnswer | AgentRefusal> {
    return this.#options.answer(question, isHeld);
  }

  openLog(record: AttemptRecord, place: Place, beginning: "requested" | "leftover"): ShippedLog {
    const { openLogSink, logBacklog: backlog } = this.#options;
    const isLeftover = beginning === "leftover";
    const openSink = (from: number): LogSink => openLogSink(record, from);
    const hasMarks = record.marks !== undefined;
    return new AttemptLog({ place, isLeftover, hasMarks, openSink, punch, backlog });
  }

  async trouble(): Promise<string | undefined> {
    this.workspaces.mendControl();
    return await this.#options.disk.look();
  }

  isDiskFull(): boolean {
    this.workspaces.mendControl();
    return this.#options.disk.isFull();
  }

  prefetch(request: JobRequest): void {
    this.#inputs.prefetch(request);
  }

  endPrefetch(key: string): void {
    this.#inputs.endPrefetch(key);
  }

  fetch(request: JobRequest, place: Place, signal: AbortSignal): Promise<void> {
    return this.#inputs.fetch(request, place, signal);
  }

  launch(request: JobRequest, place: Place): Promise<Execution> {
    const { spec } = request;
    const layers = this.#inputs.layersOf(attemptKey(request));
    return this.#runner(spec.image).start({
      attempt: attemptKey(request),
      command: spec.run,
      image: spec.image,
      network: spec.network,
      environment: environmentOf(request),
      workspace: place.work,
      inputs: spec.layout !== "package" && hasInputs(request) ? place.inputs : undefined,
      sources: spec.sources === undefined ? undefined : place.sources,
      program: programIn(spec.layout, place),
      packageRoot: packageRootOf(spec, place, layers),
      control: place.control,
      log: place.log,
      cpu: spec.resources.cpu,
      memoryBytes: spec.resources.memoryBytes,
    });
  }

  adopt(record: AttemptRecord, place: Place): Promise<Execution> {
    const { launchedMs, boot, image } = record;
    const { control, log } = place;
    if (launchedMs === null) return Promise.resolve(neverLaunched);
    const isSameBoot = boot === this.workspaces.boot;
    const elapsedMs =
      isSameBoot && launchedMs !== undefined ? Math.max(0, uptimeMs() - launchedMs) : undefined;
    const packageRoot = packageRootOf(record, place);
    const adoption = { attempt: attemptKey(record), control, log, packageRoot, elapsedMs, isSameBoot };
    return Promise.resolve(this.#runner(image ?? undefined).adopt(adoption));
  }

  async sweep(key: string): Promise<void> {
    await Promise.all([this.#options.shell.sweep(key), this.#options.containers.sweep(key)]);
    await this.#inputs.release(key);
  }

  async free(record: AttemptRecord, place: Place, log: ShippedLog, failed: boolean): Promise<void> {
    const isKept = failed && this.#options.keepFailed;
    const key = attemptKey(record);
    try {
      if (isKept) await this.#inputs.settle(key, place);
    } finally {
      // Also when the disk has no room for all that it saw.
      await this.#free(record, place, log, isKept).finally(() => this.#inputs.release(key));
    }
  }

  async #free(record: AttemptRecord, place: Place, log: ShippedLog, isKept: boolean): Promise<void> {
    const isQuiet = this.#runner(record.image ?? undefined).isQuiet(attemptKey(record));
    try {
      await log.stored();
    } finally {
      // A log that can't be read any more will never be stored.
      if (isKept) {
        this.#options.onKept(record, await this.workspaces.keep(place, record));
      } else {
        // A container notes its own name there; a package has files of its own, and so have marks.
        const isBare = record.image === null && record.layout !== "package" && record.marks === undefined;
        const isPlain = isBare && log.isWhole;
        await this.workspaces.release(place, { isPlain, hasOutput: log.size() > 0, isQuiet });
      }
    }
  }

  #runner(image: string | undefined): Runner {
    return image === undefined ? this.#options.shell : this.#options.containers;
  }
}

/** Its inputs were still being fetched. */
const neverLaunched: Execution = {
  exit: Promise.resolve({ kind: "neverBegan" }),
  signal: () => Promise.resolve(),
};

/** `CI` may be overridden by the job; what says which job it is may not. */
function environmentOf(request: JobRequest): Pairs {
  return [["CI", "true"], ...request.env, ["MILLRACE_RUN", request.run], ["MILLRACE_JOB", request.spec.name]];
}
