/** Draws a run's progress as lines no wider than the terminal. Pure: the same progress and time give the same lines. */

import { describeProgress } from "../../../shared/model/outcome.ts";
import { displayWidth, pad, printable, truncate } from "../format/display-width.ts";
import { formatElapsed } from "../format/duration.ts";
import type { Colours } from "../terminal.ts";
import { remainingMs } from "./remaining-time.ts";
import { endedJobs, type RunningJob, type RunProgress, waitingJobs } from "./run-progress.ts";

export interface Drawing {
  readonly nowMs: number;
  readonly columns: number;
  readonly rows: number;
  readonly unicode: boolean;
  readonly colours: Colours;
}

const MAX_RUNNING_LINES = 10;
const MAX_BAR_COLUMNS = 40;
/** Lines that are neither jobs nor what stands above them: the count of hidden jobs, and the prompt. */
const OTHER_LINES = 2;
/** Agents stand in a column of their own behind the longest name, but not nearer than this. */
const MIN_NAME_COLUMNS = 20;

/** Title, bar with estimate, counts, then the jobs that have been running longest. */
export function progressLines(progress: RunProgress, drawing: Drawing): string[] {
  const lines = [titleLine(progress, drawing), barLine(progress, drawing), ...countsLines(progress, drawing)];
  return [...lines, ...runningLines(progress, drawing, lines.length)];
}

/** What there is in each state, in one line without colours: `4 done, 1 running, 2 waiting`. */
export function countsText(progress: RunProgress): string {
  return countParts(progress)
    .map(({ text }) => text)
    .join(", ");
}

/** The estimate as words, empty when there is none. */
export function remainingText(progress: RunProgress, nowMs: number): string {
  const leftMs = remainingMs(progress, nowMs);
  return leftMs === undefined ? "" : `about ${formatElapsed(Math.max(1000, leftMs))} left`;
}

function titleLine(progress: RunProgress, { nowMs, columns, unicode, colours }: Drawing): string {
  const elapsed = progress.jobs === 0 ? "" : formatElapsed(nowMs - progress.submittedAtMs);
  const state = progress.status === "cancelling" ? "cancelling " : "";
  const name = progress.name === null ? "" : `${printable(progress.name)} `;
  const title = truncate(`${state}${name}${progress.run}`, columns - elapsed.length - 1, unicode);
  return `${colours.bold(pad(title, columns - elapsed.length - 1))}${columns > elapsed.length ? ` ${elapsed}` : ""}`;
}

function barLine(progress: RunProgress, { nowMs, columns, unicode, colours }: Drawing): string {
  const ended = endedJobs(progress);
  const share = progress.jobs === 0 ? 0 : ended / progress.jobs;
  const left = remainingText(progress, nowMs);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const text = left === "" ? percent : `${percent}  ${left}`;
  const width = Math.min(MAX_BAR_COLUMNS, columns - text.length - 1);
  if (width < 4) return truncate(text.trimStart(), columns, unicode);
  const filled = Math.floor(share * width);
  const failed = progress.ended.failed > 0;
  const full = (unicode ? "█" : "#").repeat(filled);
  const rest = (unicode ? "░" : ".").repeat(width - filled);
  return `${failed ? colours.red(full) : colours.green(full)}${colours.dim(rest)} ${text}`;
}

interface CountPart {
  readonly text: string;
  readonly colour: "green" | "red" | "yellow" | "cyan" | "dim";
}

function countParts(progress: RunProgress): CountPart[] {
  const { ended } = progress;
  const parts: (CountPart & { readonly count: number; readonly always?: boolean })[] = [
    { count: ended.done, text: doneText(ended.reused), colour: "green", always: true },
    { count: progress.running.size, text: "running", colour: "cyan", always: progress.wallMs === null },
    { count: waitingJobs(progress), text: "waiting", colour: "dim", always: progress.wallMs === null },
    { count: ended.failed, text: "failed", colour: "red", always: true },
    { count: ended.blocked, text: "blocked", colour: "yellow", always: true },
    { count: ended.allowed, text: "failed as allowed", colour: "yellow" },
    { count: ended.skipped, text: "skipped", colour: "dim" },
    { count: ended.cancelled, text: "cancelled", colour: "yellow" },
  ];
  return parts
    .filter(({ count, always }) => always === true || count > 0)
    .map(({ count, text, colour }) => ({ text: `${count} ${text}`, colour: count === 0 ? "dim" : colour }));
}

function doneText(reused: number): string {
  return reused === 0 ? "done" : `done (${reused} reused)`;
}

/** One line where they fit; a count is never left out, least of all that of failures. */
function countsLines(progress: RunProgress, { columns, unicode, colours }: Drawing): string[] {
  const separator = unicode ? " · " : " | ";
  const lines: string[] = [];
  let width = 0;
  for (const { text, colour } of countParts(progress)) {
    const drawn = colours[colour](truncate(text, columns, unicode));
    const joinedWidth = width + separator.length + text.length;
    if (lines.length > 0 && joinedWidth <= columns) {
      lines.push(`${lines.pop()}${separator}${drawn}`);
      width = joinedWidth;
    } else {
      lines.push(drawn);
      width = text.length;
    }
  }
  return lines;
}

function runningLines(progress: RunProgress, drawing: Drawing, linesAbove: number): string[] {
  const room = Math.min(MAX_RUNNING_LINES, Math.max(0, drawing.rows - linesAbove - OTHER_LINES));
  const shown: RunningJob[] = [];
  for (const job of progress.running.values()) {
    if (shown.length === room) break;
    shown.push(job);
  }
  const longest = Math.max(MIN_NAME_COLUMNS, ...shown.map((job) => displayWidth(nameOf(job))));
  const lines = shown.map((job) => runningLine(job, drawing, longest));
  const hidden = progress.running.size - shown.length;
  if (hidden > 0 && room > 0) {
    lines.push(truncate(`  and ${hidden} more`, drawing.columns, drawing.unicode));
  }
  return lines;
}

function nameOf(job: RunningJob): string {
  return `${printable(job.job)}${job.attempt > 1 ? ` (attempt ${job.attempt})` : ""}`;
}

function runningLine(
  job: RunningJob,
  { nowMs, columns, unicode, colours }: Drawing,
  longestName: number,
): string {
  const elapsed = formatElapsed(nowMs - job.startedAtMs).padStart(7);
  const said = job.progress === null ? "" : `  ${printable(describeProgress(job.progress))}`;
  const where = `  ${printable(job.agent)}${said}`;
  const room = columns - elapsed.length - 2;
  if (room < 4) return truncate(elapsed.trimStart(), columns, unicode);
  const nameColumns = Math.min(room, longestName, Math.max(MIN_NAME_COLUMNS, room - displayWidth(where)));
  const name = pad(truncate(nameOf(job), nameColumns, unicode), nameColumns);
  return `${colours.cyan(elapsed)}  ${name}${colours.dim(truncate(where, room - nameColumns, unicode))}`;
}
