/**
 * Runs commands in a shell on the host, each through a spawner.
 *
 * States of an execution: launched (the line is written) ──▶ running (a process of it is there) ──▶ reported by the
 * spawner, or gone with it.
 *
 * Invariants:
 * 1. A spawner runs one job at a time; one that reported is used again, one that is gone never.
 * 2. TERM is sent when a process of the job is seen, so never in the moment in which only the spawner, which survives
 *    it, would hear it. A job whose processes can't be looked at gets it a little later.
 * 3. KILL goes to the whole group and so takes the spawner along: the cause is then known, and a new one serves the
 *    next job. What left the group is found by its environment.
 * 4. `exit` never rejects.
 */
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { asMillraceError } from "../../shared/model/error.ts";
import { isHostTrouble } from "../core/host-trouble.ts";
import type { ControlFiles } from "../workspaces/control-files.ts";
import { AdoptedExecution } from "./adopted-execution.ts";
import { exitOfStatus, statusIn } from "./exit-status.ts";
import { enterRoot, type HostLayout, layoutFailure } from "./host-layout.ts";
import { launchFilePath, launchFileText, launchProblem, scriptPath } from "./launch-file.ts";
import { ProcessWatch } from "./process-watch.ts";
import { writeProgram } from "./program-file.ts";
import type { Adoption, Execution, Exit, Launch, Runner } from "./runner.ts";
import { Spawner, type SpawnerEnd } from "./spawner.ts";

const LAUNCH_LOOK_MS = 2;
const LAUNCH_LOOKS = 50;

export interface ShellRunnerOptions {
  /** Environment of every job beside its own; see `hostEnvironment`. */
  readonly environment: Record<string, string>;
  readonly controlFiles: ControlFiles;
  /** Whether jobs can have the layout `package`. */
  readonly hostLayout: HostLayout;
}

export class ShellRunner implements Runner {
  readonly #environment: Record<string, string>;
  readonly #controlFiles: ControlFiles;
  readonly #hostLayout: HostLayout;
  readonly #watch = new ProcessWatch();
  readonly #spawners = new Set<Spawner>();
  readonly #running = new Set<Execution>();
  #idle: Spawner[] = [];

  constructor(options: ShellRunnerOptions) {
    this.#environment = options.environment;
    this.#controlFiles = options.controlFiles;
    this.#hostLayout = options.hostLayout;
  }

  async start(launch: Launch): Promise<Execution> {
    const problem = launchProblem(launch) ?? this.#layoutProblem(launch);
    if (problem !== undefined) return ended({ kind: "notStarted", reason: "workspace", message: problem });
    let spawner: Spawner;
    try {
      const root = dirname(launch.control);
      spawner = this.#takeIdle(root) ?? (await this.#startSpawner(root));
    } catch (error) {
      return ended(notLaunched(error));
    }
    try {
      const { identity, cpuTotalMs } = spawner;
      if ("script" in launch.command) this.#controlFiles.write(scriptPath(launch), launch.command.script);
      writeProgram(launch);
      const { packageRoot, control } = launch;
      const enter = packageRoot === undefined ? [] : enterRoot(packageRoot, control);
      const text = launchFileText(launch, { spawner: identity, cpuBeforeMs: cpuTotalMs }, enter);
      this.#controlFiles.write(launchFilePath(launch.control), text);
    } catch (error) {
      this.#giveBack(spawner);
      return ended(notLaunched(error));
    }
    return this.#follow(new ShellExecution(launch, spawner, this.#watch, () => this.#giveBack(spawner)));
  }

  adopt(adoption: Adoption): Execution {
    return this.#follow(new AdoptedExecution(adoption, this.#watch));
  }

  async sweep(attempt: string): Promise<void> {
    await this.#watch.killAll(attempt);
  }

  isQuiet(attempt: string): Promise<boolean> {
    return this.#watch.isQuiet(attempt);
  }

  /** Kills what still runs and ends the spawners. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#running].map(async (execution) => {
        await execution.signal("KILL");
        await execution.exit;
      }),
    );
    await Promise.all([...this.#spawners].map((spawner) => spawner.close()));
    await this.#watch.close();
  }

  /** Leaves what runs to a successor: spawners finish their jobs, write the status, and end. */
  abandon(): void {
    for (const spawner of this.#spawners) spawner.abandon();
    this.#watch.abandon();
  }

  #layoutProblem({ packageRoot }: Launch): string | undefined {
    if (packageRoot === undefined || this.#hostLayout.kind === "possible") return undefined;
    return `this host can't give the paths of a package without a container: ${this.#hostLayout.reason}`;
  }

  #follow(execution: Execution): Execution {
    this.#running.add(execution);
    void execution.exit.then(() => this.#running.delete(execution));
    return execution;
  }

  #takeIdle(root: string): Spawner | undefined {
    for (;;) {
      const at = this.#idle.findLastIndex(({ controlRoot }) => controlRoot === root);
      const [spawner] = at < 0 ? [] : this.#idle.splice(at, 1);
      if (spawner === undefined || !spawner.isGone) return spawner;
      this.#spawners.delete(spawner);
    }
  }

  async #startSpawner(root: string): Promise<Spawner> {
    const spawner = await Spawner.start(this.#environment, root);
    this.#spawners.add(spawner);
    return spawner;
  }

  #giveBack(spawner: Spawner): void {
    if (spawner.isGone) this.#spawners.delete(spawner);
    else this.#idle.push(spawner);
  }
}

class ShellExecution implements Execution {
  readonly exit: Promise<Exit>;
  readonly #launch: Launch;
  readonly #spawner: Spawner;
  readonly #watch: ProcessWatch;
  #isOver = false;
  #killed = false;

  constructor(launch: Launch, spawner: Spawner, watch: ProcessWatch, done: () => void) {
    this.#launch = launch;
    this.#spawner = spawner;
    this.#watch = watch;
    this.exit = this.#run(done);
  }

  async signal(signal: "TERM" | "KILL"): Promise<void> {
    if (signal === "TERM") await this.#hasProcess();
    if (this.#isOver) return;
    if (signal === "KILL") this.#killed = true;
    this.#spawner.signal(signal);
    await this.#watch.signalEscaped(this.#launch.attempt, `SIG${signal}`);
  }

  /** Resolves when a process of it is there, or it is over. */
  async #hasProcess(): Promise<void> {
    for (let look = 0; look < LAUNCH_LOOKS && !this.#isOver; look += 1) {
      if (await this.#watch.hasProcess(this.#launch.attempt)) return;
      await delay(LAUNCH_LOOK_MS);
    }
  }

  async #run(done: () => void): Promise<Exit> {
    const { attempt, control } = this.#launch;
    const startedMs = performance.now();
    this.#watch.began(attempt, this.#spawner.pid, this.#launch.log);
    const end = await this.#spawner.run(basename(control));
    this.#isOver = true;
    const wallMs = performance.now() - startedMs;
    const peakMemoryBytes = this.#watch.finished(attempt);
    if (end.kind === "gone") await this.#watch.killAll(attempt);
    done();
    return this.#exitOf(end, wallMs, peakMemoryBytes);
  }

  #exitOf(end: SpawnerEnd, wallMs: number, peakMemoryBytes: number | null): Exit {
    const failure = this.#launch.packageRoot === undefined ? undefined : layoutFailure(this.#launch.control);
    if (failure !== undefined && !this.#killed) return { kind: "unknown", message: failure };
    if (end.kind === "reported") {
      return exitOfStatus(end.status, { wallMs, cpuMs: end.cpuMs, peakMemoryBytes });
    }
    const usage = { wallMs, cpuMs: null, peakMemoryBytes };
    const report = statusIn(this.#launch.control, this.#launch.attempt)?.report;
    if (report !== undefined) return exitOfStatus(report.status, usage);
    if (this.#killed) return { kind: "signalled", signal: "SIGKILL", usage };
    return { kind: "unknown", message: `its spawner was ended by ${end.signal ?? "an unknown cause"}` };
  }
}

/** A shell that can't be had, or a full disk under the control files, is the host's failure and not the job's. */
function notLaunched(error: unknown): Exit {
  const { code, message } = asMillraceError(error, "the job could not be launched");
  if (isHostTrouble(error) || code === "unavailable") return { kind: "unknown", message };
  return { kind: "notStarted", reason: "workspace", message };
}

function ended(exit: Exit): Execution {
  return { exit: Promise.resolve(exit), signal: () => Promise.resolve() };
}
