/** A real agent process, built code, that may be killed, stopped in mid-air and started again in the same folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../../../dist/agent/cli/main.js", import.meta.url));

export interface AgentProcessOptions {
  readonly server: string;
  readonly namespace: string;
  /** Its log is here, and its work folder unless the arguments say otherwise. */
  readonly folder: string;
  readonly arguments?: readonly string[];
  /** Gives it an input, which stays open until `closeInput`. */
  readonly hasInput?: boolean;
}

export class AgentProcess {
  readonly #options: AgentProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: AgentProcessOptions) {
    this.#options = options;
  }

  get workFolder(): string {
    return join(this.#options.folder, "work");
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error("the agent does not run");
    return this.#child.pid;
  }

  /** Once it has ended by itself. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null;
  }

  start(): void {
    const { server, namespace, folder, arguments: more = [], hasInput = false } = this.#options;
    const log = openSync(join(folder, "agent.log"), "a");
    const fixed = ["--name", "a1", "--namespace", namespace, "--work-dir", this.workFolder];
    this.#child = spawn(process.execPath, [built, ...fixed, ...more], {
      env: { ...process.env, MILLRACE_SERVER: server },
      stdio: [hasInput ? "pipe" : "ignore", log, log],
    });
    closeSync(log);
  }

  tell(line: string): void {
    this.#child?.stdin?.write(`${line}\n`);
  }

  closeInput(): void {
    this.#child?.stdin?.end();
  }

  /** Sends the signal; one that ends it is waited for. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.pid, signal);
    if (signal === "SIGKILL" || signal === "SIGTERM") await this.#gone();
  }

  /** Ends it at once, also when it stands still. */
  async end(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGCONT");
    this.#child.kill("SIGTERM");
    this.#child.kill("SIGINT");
    await this.#gone();
  }

  log(): string {
    return readFileSync(join(this.#options.folder, "agent.log"), "utf8").slice(-4000);
  }

  async #gone(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, "exit");
  }
}
