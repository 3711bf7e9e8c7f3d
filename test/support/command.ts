import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./wait-until.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const MAIN = "dist/coordinator/cli/main.js";

/** Somebody whom the tests' user, who is root, can be. */
export interface OtherUser {
  readonly uid: number;
  readonly gid: number;
}

export interface CommandResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `millrace` command that runs, with what it has written so far. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signal) => {
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until stderr or stdout match. */
  async says(pattern: RegExp, timeoutMs = 30_000): Promise<void> {
    await waitUntil(
      `the command says ${pattern}`,
      () => pattern.test(this.stdout) || pattern.test(this.stderr),
      {
        timeoutMs,
        diagnose: () => ({ stdout: this.stdout, stderr: this.stderr, status: this.child.exitCode }),
      },
    );
  }
}

/** A person at a machine of their own: a home, a working folder, and the built command line. */
export class CommandUser {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly #main: string;
  readonly #who: OtherUser | undefined;
  readonly #running = new Set<RunningCommand>();

  private constructor(folder: string, main: string, who: OtherUser | undefined) {
    this.folder = folder;
    this.#main = main;
    this.#who = who;
    const { MILLRACE_SERVER: _server, NO_COLOR: _colour, ...inherited } = process.env;
    const home = { HOME: folder, XDG_STATE_HOME: join(folder, "state") };
    // The servers of tests are on this machine, where a proxy that it needs would not find them.
    this.environment = { ...inherited, ...home, no_proxy: "*" };
  }

  /** Another one than the tests' own has a copy of the program, as the tests' may be where nobody else can look. */
  static async create(who?: OtherUser): Promise<CommandUser> {
    const built = join(root, MAIN);
    if (!existsSync(built)) throw new Error(`${built} is not there; build first with npm run build`);
    const folder = await mkdtemp(join(tmpdir(), "millrace-user-"));
    if (who === undefined) return new CommandUser(folder, built, who);
    const copy = join(folder, "program");
    await cp(join(root, "dist"), join(copy, "dist"), { recursive: true });
    await copyFile(join(root, "package.json"), join(copy, "package.json"));
    const user = new CommandUser(folder, join(copy, MAIN), who);
    user.own();
    return user;
  }

  /** Makes all that is in the folder the user's. */
  own(): void {
    if (this.#who === undefined) return;
    execFileSync("chown", ["-R", `${this.#who.uid}:${this.#who.gid}`, this.folder]);
  }

  /** Starts `millrace` with these arguments in the user's folder; stdout may go to a file descriptor. */
  start(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    stdout: "pipe" | number = "pipe",
  ): RunningCommand {
    const child = spawn(process.execPath, [this.#main, ...args], {
      ...this.#who,
      cwd: this.folder,
      env: { ...this.environment, ...environment },
      stdio: ["ignore", stdout, "pipe"],
    });
    const command = new RunningCommand(child);
    this.#running.add(command);
    const forget = (): void => {
      this.#running.delete(command);
    };
    command.ended.then(forget, forget);
    return command;
  }

  /** Runs `millrace` to its end. */
  run(...args: string[]): Promise<CommandResult> {
    return this.start(args).ended;
  }

  /** Waits until no process is left that was started, directly or not, by this user. */
  async nothingRuns(timeoutMs = 15_000): Promise<void> {
    const description = "every process of the user has ended";
    await waitUntil(description, async () => (await this.processes()).length === 0, {
      timeoutMs,
      diagnose: () => this.processes(),
    });
  }

  /** Living processes that have this user's home in their environment, as `pid command`. */
  async processes(): Promise<string[]> {
    const mark = `HOME=${this.folder}`;
    const found: string[] = [];
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      // A process may be gone before it has been looked at, and a zombie's environment is empty.
      const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
      if (!environment.split("\0").includes(mark)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      found.push(`${pid} ${command.replaceAll("\0", " ").trim()}`);
    }
    return found;
  }

  /** Ends what still runs and removes all of the user's. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const command of this.#running) {
      command.child.kill("SIGKILL");
      await command.ended.catch(() => {
        // It never started.
      });
    }
    await this.nothingRuns();
    await rm(this.folder, { recursive: true, force: true });
  }
}
