/**
 * A shell job that an earlier process of this agent started and this one follows to its end.
 *
 * Its spawner has lost its agent, so it ends with its job. A report in the status file is the end, whoever runs in the
 * spawner's session by then; without one the job runs while the spawner lives, and once that is gone there will never
 * be one.
 *
 * Safe: "gone" is judged before the file is read, never after; and only the spawner of this very attempt is
 * signalled. Live: a spawner without an agent ends with its job.
 */
import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { exitOfStatus, statusIn, statusPath } from "./exit-status.ts";
import { layoutFailure } from "./host-layout.ts";
import { type LaunchNote, launchFilePath, launchNoteOf } from "./launch-file.ts";
import { identify } from "./process-census.ts";
import type { ProcessWatch } from "./process-watch.ts";
import type { Adoption, Execution, Exit } from "./runner.ts";
import { signalGroup } from "./spawner.ts";
import type { SpawnerReport } from "./spawner-script.ts";

const LOOK_MS = 100;

export class AdoptedExecution implements Execution {
  readonly exit: Promise<Exit>;
  readonly elapsedMs: number;
  readonly isFoundRunning: boolean;
  readonly #adoption: Adoption;
  readonly #launch: LaunchNote | undefined;
  readonly #watch: ProcessWatch;
  readonly #adoptedMs = performance.now();
  #killed = false;

  constructor(adoption: Adoption, watch: ProcessWatch) {
    this.#adoption = adoption;
    this.elapsedMs = adoption.elapsedMs ?? 0;
    this.#watch = watch;
    this.#launch = readNote(adoption);
    this.isFoundRunning = this.#isAlive() && this.#report() === undefined;
    this.exit = this.#follow();
  }

  async signal(signal: "TERM" | "KILL"): Promise<void> {
    if (!this.#isAlive() || this.#report() !== undefined) return;
    if (signal === "KILL") this.#killed = true;
    signalGroup(this.#launch!.spawner.pid, signal);
    await this.#watch.signalEscaped(this.#adoption.attempt, `SIG${signal}`);
  }

  async #follow(): Promise<Exit> {
    const { attempt, log } = this.#adoption;
    if (this.isFoundRunning) {
      const { pid, startTicks } = this.#launch!.spawner;
      this.#watch.began(attempt, pid, log, startTicks);
    }
    const report = await this.#ended();
    const peakMemoryBytes = this.#watch.finished(attempt);
    await this.#watch.killAll(attempt);
    const usage = { wallMs: this.#wallMs(), cpuMs: this.#cpuMs(report), peakMemoryBytes };
    const { packageRoot, control } = this.#adoption;
    const failure = packageRoot === undefined || report === undefined ? undefined : layoutFailure(control);
    if (failure !== undefined) return { kind: "unknown", message: failure };
    if (report !== undefined) return exitOfStatus(report.status, usage);
    if (this.#killed) return { kind: "signalled", signal: "SIGKILL", usage };
    if (!this.#adoption.isSameBoot) return { kind: "unknown", message: "its host was started again" };
    if (this.#launch === undefined || !this.#hasBegun()) return { kind: "neverBegan" };
    return { kind: "unknown", message: "it was gone, without a status, when its agent came back" };
  }

  /** Resolves with the report, or with nothing when there will be none. */
  async #ended(): Promise<SpawnerReport | undefined> {
    for (;;) {
      const isAlive = this.#isAlive();
      const report = this.#report();
      if (report !== undefined || !isAlive) return report;
      await delay(LOOK_MS);
    }
  }

  #isAlive(): boolean {
    if (this.#launch === undefined || !this.#adoption.isSameBoot) return false;
    const { pid, startTicks } = this.#launch.spawner;
    return identify(pid)?.startTicks === startTicks;
  }

  #report(): SpawnerReport | undefined {
    return statusIn(this.#adoption.control, this.#adoption.attempt)?.report;
  }

  /** Its status file names it before anything of it is run. In version 0.1 it was the log. */
  #hasBegun(): boolean {
    const { control, attempt, log } = this.#adoption;
    return (
      statusIn(control, attempt) !== undefined || (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0
    );
  }

  #cpuMs(report: SpawnerReport | undefined): number | null {
    const before = this.#launch?.cpuBeforeMs ?? null;
    if (before === null || report?.cpuTotalMs == null) return null;
    return Math.max(0, report.cpuTotalMs - before);
  }

  /** Since its launch; of one that had ended already, as far as the times of its files tell. */
  #wallMs(): number {
    const sinceLaunchMs = this.elapsedMs + performance.now() - this.#adoptedMs;
    if (this.isFoundRunning) return sinceLaunchMs;
    const { control } = this.#adoption;
    const [began, ended] = [launchFilePath(control), statusPath(control)].map(
      (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs,
    );
    if (began === undefined || ended === undefined) return sinceLaunchMs;
    return Math.min(sinceLaunchMs, Math.max(0, ended - began));
  }
}

function readNote({ attempt, control }: Adoption): LaunchNote | undefined {
  try {
    const note = launchNoteOf(readFileSync(launchFilePath(control), "utf8"));
    // A place is used again: its launch file may still be the one of the attempt before.
    return note?.attempt === undefined || note.attempt === attempt ? note : undefined;
  } catch {
    // No launch file: nothing was ever started.
    return undefined;
  }
}
