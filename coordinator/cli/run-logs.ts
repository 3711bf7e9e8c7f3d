/**
 * The logs of all jobs of a run as one text: each line begins with the name of its job. Lines of jobs that run at
 * the same time are mixed as they come, but a line is never broken by another one.
 */
import { setMaxListeners } from "node:events";
import type { Client } from "../../shared/client/client.ts";
import { printable } from "./format/display-width.ts";
import { LineCutter } from "./line-cutter.ts";
import type { Terminal } from "./terminal.ts";

/** Jobs that are read at once; those beyond wait, and are read from their beginning all the same. */
const CONCURRENT_JOBS = 32;

export class RunLogs {
  readonly #client: Client;
  readonly #run: string;
  readonly #terminal: Terminal;

  constructor(client: Client, run: string, terminal: Terminal) {
    this.#client = client;
    this.#run = run;
    this.#terminal = terminal;
  }

  /** What there is, job after job, in the order of the run file. */
  async print(): Promise<void> {
    for await (const { job, attempts } of this.#client.jobs(this.#run)) {
      if (attempts.length > 0) await this.#printJob(job, undefined);
    }
  }

  /** What there is and what comes, until the run has ended. */
  async follow(signal: AbortSignal): Promise<void> {
    // Each job that is read listens to the signal.
    setMaxListeners(0, signal);
    const waiting: string[] = [];
    const known = new Set<string>();
    const reading = new Set<Promise<void>>();
    const failure = new AbortController();
    const readNext = (): void => {
      const job = reading.size < CONCURRENT_JOBS ? waiting.shift() : undefined;
      if (job === undefined) return;
      const done = this.#printJob(job, signal)
        .catch((error: unknown) => failure.abort(error))
        .finally(() => {
          reading.delete(done);
          readNext();
        });
      reading.add(done);
    };
    const stop = AbortSignal.any([signal, failure.signal]);
    for await (const event of this.#client.watch(this.#run, { signal: stop })) {
      const hasLog =
        event.type === "job.started" || event.type === "job.succeeded" || event.type === "job.failed";
      if (!hasLog || known.has(event.job) || !("attempt" in event) || event.attempt === null) continue;
      if ("carriedFrom" in event && event.carriedFrom !== undefined) continue;
      known.add(event.job);
      waiting.push(event.job);
      readNext();
    }
    while (reading.size > 0) await Promise.race(reading);
    failure.signal.throwIfAborted();
  }

  async #printJob(job: string, signal: AbortSignal | undefined): Promise<void> {
    const prefix = `${printable(job)} | `;
    const lines = new LineCutter();
    const options = signal === undefined ? {} : { follow: true, signal };
    for await (const record of this.#client.logs(this.#run, job, options)) {
      if (record.kind === "bytes") await this.#printLines(prefix, lines.push(record.bytes));
      if (record.kind === "attemptEnded") await this.#printLines(prefix, lines.end());
      if (record.kind === "lost") this.#terminal.note(`${prefix}${record.bytes} bytes are missing here`);
    }
    await this.#printLines(prefix, lines.end());
  }

  async #printLines(prefix: string, lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#terminal.write(lines.map((line) => `${prefix}${line}\n`).join(""));
  }
}
