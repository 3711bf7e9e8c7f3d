/** A process of the built product, with its log. It ends with the benchmarks at the latest. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";

export class Service {
  readonly #child: ChildProcess;
  readonly #logFile: string;

  /** Starts Node with these arguments. */
  constructor(args: readonly string[], environment: NodeJS.ProcessEnv, logFile: string) {
    const log = openSync(logFile, "a");
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#logFile = logFile;
    const kill = (): void => {
      this.#child.kill("SIGKILL");
    };
    process.once("exit", kill);
    this.#child.once("exit", () => process.off("exit", kill));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("it could not be started");
    return this.#child.pid;
  }

  /** The end of what it has logged. */
  async log(): Promise<string> {
    return (await readFile(this.#logFile, "utf8")).slice(-4000);
  }

  /** Ends it in order. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }
}
