/**
 * The spawner: a small shell that starts one job after another. It reads the name of each one's control folder on a line
 * of its own (the name alone, since a shell reads a line byte by byte), reads the launch file there, which starts the job
 * as a command, and says how that ended: first in the folder's status file, which is the truth, then on its output, which
 * spares the agent the reading. Its first argument is where the control folders are.
 *
 * States: idle (in `read`) ──line──▶ running (waiting for the command) ──▶ idle; the end of its input ends it, after
 * the job that runs.
 *
 * Invariants:
 * 1. A status file is of the attempt that its first line names, which the launch file writes; whatever an earlier job of
 *    the folder left in it counts for nothing. It is complete when it ends with the line `end`: an incomplete one means
 *    that the status is unknown. It is written in one go under its final name, since a rename would cost a process.
 * 2. The traps are caught, not ignored, so the job starts with default dispositions; and a signal to the group, which
 *    spawner and job share, never ends the spawner. Only SIGKILL does.
 * 3. `read` cut short by such a signal is not the end of the input: `interrupted` tells the two apart.
 * 4. Losing the agent's end of the pipes changes nothing for the job: SIGPIPE is among the caught.
 * 5. What the job left in its group gets TERM before anybody hears that the job has ended.
 * 6. A launch file sets no variable of the spawner but `problem`, so no job sees anything of the one before.
 *
 * `times` prints the sums of all jobs so far; the difference of two is the CPU time of one.
 */
export const spawnerScript = `\
trap interrupted=1 HUP INT QUIT PIPE ALRM USR1 USR2 TERM
while :; do
  interrupted=
  IFS= read -r name || {
    [ -n "$interrupted" ] && continue
    break
  }
  problem=
  control=$1/$name
  . "$control/launch"
  status=\${problem:-$?}
  cd /
  { echo "$status"; times; echo end; } >>"$control/status"
  kill -TERM 0
  echo "$status"
  times
done
`;

/** What a launch file says instead of a status when nothing of the job could be run. */
export const UNLAUNCHED = "unlaunched";

/** What the spawner says of an ended job: its status, and the CPU time of all its jobs so far. */
export interface SpawnerReport {
  /** Null when nothing of it could be run. */
  readonly status: number | null;
  /** Null when this shell's `times` can't be read. */
  readonly cpuTotalMs: number | null;
}

/** Lines of one report on the spawner's output: the status, its own times, its children's. */
export const REPORT_LINES = 3;

/** Reads the lines of a report. */
export function readReport([status = "", , children = ""]: readonly string[]): SpawnerReport {
  const [user, system] = [...children.matchAll(/(\d+)m(\d+)[.,](\d+)s/g)];
  const cpuTotalMs =
    user === undefined || system === undefined ? null : durationMs(user) + durationMs(system);
  return { status: status === UNLAUNCHED ? null : Number.parseInt(status, 10), cpuTotalMs };
}

/** What a status file says of an attempt that has begun. */
export interface AttemptStatus {
  /** Undefined while it is not complete. */
  readonly report: SpawnerReport | undefined;
}

/** Reads a status file; `undefined` when nothing of the attempt has begun, and it is of an earlier one. */
export function readStatusFile(content: string, attempt: string): AttemptStatus | undefined {
  const lines = content.split("\n");
  // Version 0.1 named no attempt: it removed the file before the folder was used again.
  if (lines[0]?.includes("/")) {
    if (lines.shift() !== attempt) return undefined;
  }
  return { report: lines[REPORT_LINES] === "end" ? readReport(lines) : undefined };
}

function durationMs([, minutes, seconds, fraction]: RegExpMatchArray): number {
  return Number(minutes) * 60_000 + Number(`${seconds}.${fraction}`) * 1_000;
}
