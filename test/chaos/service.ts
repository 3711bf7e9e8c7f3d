/** A process of the cluster, kept up as a service manager would: what ends unasked is started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../support/wait-until.ts";

export interface ServiceOptions {
  readonly name: string;
  readonly role: "coordinator" | "agent";
  /** The built program and its arguments. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** What it logs once it is up; without one it counts as up at once. */
  readonly upLine?: string;
  /** It has ended unasked, and will be started again. */
  readonly onUnasked: (how: string) => void;
}

/** A busy machine takes its time to start a process. */
const UP_LIMIT_MS = 30_000;
const RESTART_DELAY_MS = 200;
/** What does not end in this time after SIGTERM is killed. */
const STOP_LIMIT_MS = 20_000;

export class Service {
  readonly name: string;
  readonly role: ServiceOptions["role"];
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  /** False while somebody wants it to be down. */
  #isWanted = false;
  #isRetired = false;

  constructor(options: ServiceOptions) {
    this.name = options.name;
    this.role = options.role;
    this.#options = options;
  }

  start(): void {
    if (this.#isRetired) return;
    this.#isWanted = true;
    if (this.#child !== undefined) return;
    const { command, environment, logFile } = this.#options;
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, [...command], { env: environment, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    child.once("exit", (status, signal) => {
      this.#child = undefined;
      if (!this.#isWanted) return;
      this.#options.onUnasked(signal ?? `exit status ${status}`);
      setTimeout(() => this.#isWanted && this.start(), RESTART_DELAY_MS);
    });
  }

  /** Starts it and resolves when it is up, or when it has had time enough. */
  async comeUp(): Promise<void> {
    const { upLine, logFile } = this.#options;
    const before = statSync(logFile).size;
    this.start();
    if (upLine === undefined) return;
    const isUp = async (): Promise<boolean> => (await readFile(logFile)).subarray(before).includes(upLine);
    await waitUntil(`${this.name} is up`, isUp, { timeoutMs: UP_LIMIT_MS, intervalMs: 50 }).catch(
      () => undefined,
    );
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it in order; says whether it had to be killed after all. */
  async stop(): Promise<"ended" | "killed"> {
    const limit = new AbortController();
    const tooLate = sleep(STOP_LIMIT_MS, "killed" as const, { signal: limit.signal }).catch(
      () => "ended" as const,
    );
    const ended = this.#end("SIGTERM").then(() => "ended" as const);
    const how = await Promise.race([ended, tooLate]);
    limit.abort();
    if (how === "killed") await this.kill();
    return how;
  }

  /** Kills it for good, whatever somebody else still has in mind. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    await this.kill();
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#isWanted = false;
    const child = this.#child;
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}
