/**
 * Agents as child processes of a command. Each has a process group of its own, so a terminal's Ctrl-C reaches only
 * the command, and its stdin as a lifeline: when the command is gone, however it died, the agent sees the end of its
 * input and ends at once. The server's URL is the first line there: other users can't read it, and an agent loads while
 * its server is started.
 *
 * An agent that ends by itself leaves its jobs running. Its successor, of the same name and work folder, takes them
 * over, or ends them with the command; only when that fails again and again is the command told.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";
import { AgentsFolder } from "./agents-folder.ts";

export interface LocalAgentsOptions {
  /** Path of `millrace-agent`. */
  readonly program: string;
  /** Its URL, when it is up. */
  readonly server: Promise<string>;
  readonly namespace: string;
  /** Empty for the common pool. */
  readonly pool: string;
  /** Agents are called `<prefix>-1`, `<prefix>-2` …, so it must be unlike any other command's. */
  readonly prefix: string;
  readonly count: number;
  /** Of each agent. */
  readonly slots: number;
  readonly keepFailed: boolean;
  /** No job of theirs has an image or the paths of a package. */
  readonly isShellOnly: boolean;
  /** Folder of the folders in which commands' agents have their workspaces and logs. */
  readonly parent: string;
}

/** An agent has this long to end its jobs and go; then it is killed. */
const STOP_PATIENCE_MS = 10_000;
const LOG_TAIL_LINES = 10;
/** Of all agents of the command together. */
const MAX_RESTARTS = 3;

interface LocalAgent {
  readonly name: string;
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  readonly log: string;
}

export class LocalAgents {
  readonly #agents = new Map<string, LocalAgent>();
  readonly #failure = new AbortController();
  readonly #folder: AgentsFolder;
  readonly #options: LocalAgentsOptions;
  /** Ends when no agent is being started again. */
  #restarting: Promise<void> = Promise.resolve();
  #restarts = 0;
  #stopping = false;

  private constructor(folder: AgentsFolder, options: LocalAgentsOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts the agents; resolves when their processes run, not when they have joined. */
  static async start(options: LocalAgentsOptions): Promise<LocalAgents> {
    // Who waits for the server tells why there is none.
    options.server.catch(() => {});
    const folder = await AgentsFolder.claim(options.parent);
    const agents = new LocalAgents(folder, options);
    for (let number = 1; number <= options.count; number++)
      await agents.#start(`${options.prefix}-${number}`);
    return agents;
  }

  /** Aborts with a MillraceError when agents end too often though nobody asked them to. */
  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  /** Ends the agents with all they run, removes what they leave, and resolves with the workspaces that were kept. */
  async stop(): Promise<string[]> {
    this.#stopping = true;
    await this.#restarting;
    await Promise.all([...this.#agents.values()].map(endAgent));
    return await this.#folder.release();
  }

  async #start(name: string): Promise<void> {
    const agent = await startAgent(name, this.#folder.path, this.#options);
    this.#agents.set(name, agent);
    agent.child.once("exit", (status, signal) => this.#onExit(agent, signal ?? `status ${status}`));
    agent.child.once("error", (error) => this.#onExit(agent, error.message));
  }

  #onExit(agent: LocalAgent, how: string): void {
    if (this.#stopping || this.failure.aborted) return;
    this.#restarts += 1;
    const failed = this.#restarts > MAX_RESTARTS ? this.#fail(agent, how) : undefined;
    // After a failure, too: the last successor ends with the command, and what it took over with it.
    this.#restarting = Promise.all([this.#restarting, failed, this.#start(agent.name)]).then(
      () => undefined,
      (error: unknown) => this.#failure.abort(asMillraceError(error, "an agent could not be started again")),
    );
  }

  async #fail(agent: LocalAgent, how: string): Promise<void> {
    const log = await readFile(agent.log, "utf8").catch((error: Error) => error.message);
    const tail = log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n  ");
    this.#failure.abort(
      new MillraceError("unavailable", `the agent ${agent.name} ended by itself again and again (${how})`, {
        fix: `See what it said last:\n  ${tail}`,
      }),
    );
  }
}

async function endAgent({ child, exited }: LocalAgent): Promise<void> {
  child.kill("SIGTERM");
  const patience = setTimeout(() => killGroup(child), STOP_PATIENCE_MS);
  await exited;
  clearTimeout(patience);
}

async function startAgent(name: string, folder: string, options: LocalAgentsOptions): Promise<LocalAgent> {
  const log = join(folder, `${name}.log`);
  const flags = [
    "--server",
    "-",
    "--exit-with-stdin",
    "--stop",
    "now",
    "--name",
    name,
    "--slots",
    String(options.slots),
  ];
  flags.push("--namespace", options.namespace, "--work-dir", join(folder, name));
  if (options.pool !== "") flags.push("--pool", options.pool);
  if (options.isShellOnly) flags.push("--shell-only");
  if (options.keepFailed) flags.push("--keep-failed");
  const output = await open(log, "a", 0o600);
  try {
    const child = spawn(process.execPath, [options.program, ...flags], {
      detached: true,
      stdio: ["pipe", output.fd, output.fd],
    });
    // An error is all that we see of its end; the exit says the same.
    child.stdin?.on("error", () => {});
    // Without a server the command ends, and its agents with it.
    options.server.then(
      (url) => child.stdin?.write(`${url}\n`),
      () => {},
    );
    return { name, child, exited: ended(child), log };
  } finally {
    await output.close();
  }
}

/** Resolves when the process is gone, or could not be started. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
