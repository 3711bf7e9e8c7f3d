/**
 * One spawner process and the job it runs. It has a session, and so a process group, of its own, which the job
 * shares: a signal to the group reaches all of the job that did not leave it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { MillraceError } from "../../shared/model/error.ts";
import { identify, type ProcessIdentity } from "./process-census.ts";
import { REPORT_LINES, readReport, spawnerScript } from "./spawner-script.ts";

/** How a job ended as far as its spawner can tell. */
export type SpawnerEnd =
  | { readonly kind: "reported"; readonly status: number | null; readonly cpuMs: number | null }
  /** The spawner itself is gone; `signal` ended it when that is known. */
  | { readonly kind: "gone"; readonly signal: string | null };

export class Spawner {
  readonly #child: ChildProcess;
  readonly pid: number;
  readonly identity: ProcessIdentity;
  /** Where the control folders of its jobs are. */
  readonly controlRoot: string;
  #lines: string[] = [];
  #partial = "";
  #cpuTotalMs: number | null = 0;
  #ended: ((end: SpawnerEnd) => void) | undefined;
  readonly #gone: Promise<void>;
  #isGone = false;

  private constructor(child: ChildProcess, pid: number, controlRoot: string) {
    this.#child = child;
    this.pid = pid;
    this.controlRoot = controlRoot;
    this.identity = identify(pid) ?? { pid, startTicks: 0 };
    child.stdout?.setEncoding("latin1").on("data", (text: string) => this.#read(text));
    // Writing to a spawner that was killed fails; its exit says so.
    child.stdin?.on("error", () => {});
    this.#gone = new Promise((resolve) => {
      child.once("close", (_status, signal) => {
        this.#isGone = true;
        this.#settle({ kind: "gone", signal });
        resolve();
      });
    });
  }

  /** Starts a spawner whose jobs have `environment` and nothing else of the agent's. */
  static start(environment: Record<string, string>, controlRoot: string): Promise<Spawner> {
    const child = spawn("/bin/sh", ["-c", spawnerScript, "millrace-spawner", controlRoot], {
      cwd: "/",
      detached: true,
      env: environment,
      stdio: ["pipe", "pipe", "ignore"],
    });
    return new Promise((resolve, reject) => {
      child.once("error", (cause) =>
        reject(new MillraceError("unavailable", `no shell could be started: ${cause.message}`, { cause })),
      );
      child.once("spawn", () => resolve(new Spawner(child, child.pid!, controlRoot)));
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** CPU time of its jobs so far; null when its shell can't say. */
  get cpuTotalMs(): number | null {
    return this.#cpuTotalMs;
  }

  /** Runs the launch file in a control folder; resolves when it has ended, or the spawner has. One at a time. */
  run(folder: string): Promise<SpawnerEnd> {
    if (this.#isGone) return Promise.resolve({ kind: "gone", signal: null });
    return new Promise((resolve) => {
      this.#ended = resolve;
      this.#child.stdin?.write(`${folder}\n`);
    });
  }

  /** Signals the group, the spawner with it: TERM leaves it alive, KILL does not. */
  signal(signal: "TERM" | "KILL"): void {
    signalGroup(this.pid, signal);
  }

  /** Ends its input and waits for its end. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#gone;
  }

  /** Lets the agent end while it runs. */
  abandon(): void {
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    this.#child.unref();
  }

  #read(text: string): void {
    const pieces = (this.#partial + text).split("\n");
    this.#partial = pieces.pop() ?? "";
    this.#lines.push(...pieces);
    if (this.#lines.length < REPORT_LINES) return;
    const { status, cpuTotalMs } = readReport(this.#lines);
    this.#lines = [];
    const before = this.#cpuTotalMs;
    const cpuMs = cpuTotalMs === null || before === null ? null : Math.max(0, cpuTotalMs - before);
    this.#cpuTotalMs = cpuTotalMs;
    this.#settle({ kind: "reported", status, cpuMs });
  }

  #settle(end: SpawnerEnd): void {
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.(end);
  }
}

/** Signals every process of a group; one that has ended meanwhile is no error. */
export function signalGroup(leader: number, signal: "TERM" | "KILL"): void {
  try {
    process.kill(-leader, `SIG${signal}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
