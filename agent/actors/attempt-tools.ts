/** What attempts of one agent share: folders, inputs, runners, the stores. All the I/O of an attempt is behind it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import type { Pairs } from "../../shared/model/job-spec.ts";
import { type JobInput, type JobRequest, jobInputsSchema } from "../../shared/model/messages.ts";
import { folderName } from "../../shared/model/name.ts";
import type { Artifact } from "../../shared/model/outcome.ts";
import { attemptKey } from "../core/attempt-key.ts";
import { punchStart } from "../runners/punched-file.ts";
import type { Execution, Runner } from "../runners/runner.ts";
import type { ShellRunner } from "../runners/shell-runner.ts";
import type { AttemptRecord } from "../workspaces/attempt-record.ts";
import type { InputCache } from "../workspaces/input-cache.ts";
import type { Place, Workspaces } from "../workspaces/workspaces.ts";
import { AttemptLog, type LogSink } from "./attempt-log.ts";

/** The part of the artifact store that attempts use. */
export interface ArtifactSink {
  upload(root: string, patterns: readonly string[]): Promise<Artifact | null>;
}

export interface AttemptToolsOptions {
  readonly workspaces: Workspaces;
  readonly cache: InputCache;
  readonly shell: ShellRunner;
  readonly containers: Runner;
  readonly artifacts: ArtifactSink;
  /** Reads a JSON document by its digest. */
  readonly readDocument: (digest: string) => Promise<unknown>;
  readonly openLogSink: (record: AttemptRecord) => LogSink;
  readonly keepFailed: boolean;
  /** Between TERM and KILL when an attempt passes a limit or is cancelled. */
  readonly graceMs: number;
  /** Told where a failed attempt was kept. */
  readonly onKept: (record: AttemptRecord, folder: string) => void;
}

export class AttemptTools {
  readonly workspaces: Workspaces;
  readonly artifacts: ArtifactSink;
  readonly graceMs: number;
  readonly #options: AttemptToolsOptions;

  constructor(options: AttemptToolsOptions) {
    this.workspaces = options.workspaces;
    this.artifacts = options.artifacts;
    this.graceMs = options.graceMs;
    this.#options = options;
  }

  openLog(record: AttemptRecord, path: string): AttemptLog {
    return new AttemptLog({ path, openSink: () => this.#options.openLogSink(record), punch: punchStart });
  }

  /** Fetches ahead what a queued attempt will need. */
  prefetch(request: JobRequest): void {
    for (const digest of digestsOf(request)) this.#options.cache.prefetch(digest);
  }

  /** Puts inputs and sources into the attempt's place. */
  async fetch(request: JobRequest, place: Place): Promise<void> {
    const { cache } = this.#options;
    const inputs =
      request.inputList === undefined ? request.inputs : await this.#readInputs(request.inputList);
    if (inputs.length > 0) mkdirSync(place.inputs, { mode: 0o700 });
    await Promise.all([
      ...inputs.map(({ job, digest }) => cache.copyTo(digest, join(place.inputs, folderName(job)))),
      ...(request.spec.sources === undefined ? [] : [cache.copyTo(request.spec.sources, place.sources)]),
    ]);
  }

  launch(request: JobRequest, place: Place): Promise<Execution> {
    const { spec } = request;
    return this.#runner(spec.image).start({
      attempt: attemptKey(request),
      command: spec.run,
      image: spec.image,
      network: spec.network,
      environment: environmentOf(request),
      workspace: place.work,
      inputs: hasInputs(request) ? place.inputs : undefined,
      sources: spec.sources === undefined ? undefined : place.sources,
      control: place.control,
      log: place.log,
      cpu: spec.resources.cpu,
      memoryBytes: spec.resources.memoryBytes,
    });
  }

  /** Takes over what an earlier process of the agent started; a container, whose status it could not learn, is ended. */
  async adopt(record: AttemptRecord, place: Place): Promise<Execution> {
    if (record.image === null) return this.#options.shell.adopt(attemptKey(record), place.control);
    await this.#options.containers.sweep(attemptKey(record));
    const message = "its agent was restarted while its container ran";
    return { exit: Promise.resolve({ kind: "unknown", message }), signal: () => Promise.resolve() };
  }

  /** Ends whatever may be left of an attempt whose actor failed. */
  async sweep(key: string): Promise<void> {
    await Promise.all([this.#options.shell.sweep(key), this.#options.containers.sweep(key)]);
  }

  /** Removes an attempt's files, or moves them to where failed ones are kept, once its log is stored. */
  async free(record: AttemptRecord, place: Place, log: AttemptLog, failed: boolean): Promise<void> {
    await log.stored();
    if (failed && this.#options.keepFailed) {
      this.#options.onKept(record, await this.workspaces.keep(place, record));
    } else {
      await this.workspaces.release(place);
    }
  }

  async #readInputs(digest: string): Promise<JobInput[]> {
    const parsed = jobInputsSchema.safeParse(await this.#options.readDocument(digest));
    if (parsed.success) return parsed.data;
    throw new MillraceError("corrupt", `the object data/${digest} is no list of inputs`);
  }

  #runner(image: string | undefined): Runner {
    return image === undefined ? this.#options.shell : this.#options.containers;
  }
}

/** Whether something is fetched into the attempt's inputs. */
export function hasInputs(request: JobRequest): boolean {
  return request.inputs.length > 0 || request.inputList !== undefined;
}

/** `CI` may be overridden by the job; what says which job it is may not. */
function environmentOf(request: JobRequest): Pairs {
  return [["CI", "true"], ...request.env, ["MILLRACE_RUN", request.run], ["MILLRACE_JOB", request.spec.name]];
}

function digestsOf({ inputs, spec }: JobRequest): string[] {
  const digests = inputs.map(({ digest }) => digest);
  return spec.sources === undefined ? digests : [...digests, spec.sources];
}
