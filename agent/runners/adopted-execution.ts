/**
 * An attempt that an earlier process of this agent started and this one follows to its end.
 *
 * Its spawner has lost its agent, so it ends with its job. While it lives the status may still come; once it is gone,
 * the status file either is there or never will be.
 *
 * Safe: "gone" is judged before the file is read, never after. Live: a spawner without an agent ends with its job.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { exitOfStatus, statusIn } from "./exit-status.ts";
import { launchFilePath, spawnerOf } from "./launch-file.ts";
import { identify, type ProcessIdentity } from "./process-census.ts";
import type { ProcessWatch } from "./process-watch.ts";
import type { Execution, Exit } from "./runner.ts";
import { signalGroup } from "./spawner.ts";

const LOOK_MS = 100;

export class AdoptedExecution implements Execution {
  readonly exit: Promise<Exit>;
  readonly #attempt: string;
  readonly #spawner: ProcessIdentity | undefined;
  readonly #watch: ProcessWatch;
  #killed = false;

  constructor(attempt: string, control: string, watch: ProcessWatch) {
    this.#attempt = attempt;
    this.#watch = watch;
    this.#spawner = readSpawner(control);
    this.exit = this.#follow(control);
  }

  async signal(signal: "TERM" | "KILL"): Promise<void> {
    if (!this.#isAlive()) return;
    if (signal === "KILL") this.#killed = true;
    signalGroup(this.#spawner!.pid, signal);
    await this.#watch.signalEscaped(this.#attempt, `SIG${signal}`);
  }

  async #follow(control: string): Promise<Exit> {
    const startedMs = performance.now();
    if (this.#isAlive()) this.#watch.began(this.#attempt, this.#spawner!.pid);
    while (this.#isAlive()) await delay(LOOK_MS);
    const status = statusIn(control);
    const peakMemoryBytes = this.#watch.finished(this.#attempt);
    await this.#watch.killAll(this.#attempt);
    const usage = { wallMs: performance.now() - startedMs, cpuMs: null, peakMemoryBytes };
    if (status !== undefined) return exitOfStatus(status, usage);
    if (this.#killed) return { kind: "signalled", signal: "SIGKILL", usage };
    return { kind: "unknown", message: "it was gone, without a status, when its agent came back" };
  }

  #isAlive(): boolean {
    if (this.#spawner === undefined) return false;
    return identify(this.#spawner.pid)?.startTicks === this.#spawner.startTicks;
  }
}

function readSpawner(control: string): ProcessIdentity | undefined {
  try {
    return spawnerOf(readFileSync(launchFilePath(control), "utf8"));
  } catch {
    // No launch file: nothing was ever started.
    return undefined;
  }
}
