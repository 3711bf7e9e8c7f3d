/** What is said when a run has ended: one line of result, then each root cause with the end of its log. Pure. */
import { describeOutcome } from "../../../shared/model/outcome.ts";
import { printable, truncate } from "../format/display-width.ts";
import { formatDuration } from "../format/duration.ts";
import { shellWord } from "../format/shell-word.ts";
import { countsText } from "../progress/progress-lines.ts";
import type { FailedJob, RunProgress } from "../progress/run-progress.ts";
import type { Colours } from "../terminal.ts";

/** A root cause and what its log says last; the tail is null where the log was not read, and why. */
export interface RootCause {
  readonly failure: FailedJob;
  readonly tail: readonly string[] | null;
  readonly tailProblem?: string;
}

export interface SummaryStyle {
  readonly colours: Colours;
  /** What stands between `millrace logs` and its arguments, e.g. ` --namespace ci`. */
  readonly commandOptions: string;
}

const MAX_BLOCKED_NAMES = 20;
const MAX_LINE_COLUMNS = 2_000;

/** The whole summary of a run that has ended. */
export function summaryLines(
  progress: RunProgress,
  causes: readonly RootCause[],
  style: SummaryStyle,
): string[] {
  const lines = causes.flatMap((cause) => rootCauseLines(progress.run, cause, style));
  const undetailed = progress.failures.length - causes.length;
  if (undetailed > 0) {
    const command = `millrace status${style.commandOptions} ${progress.run}`;
    lines.push(`and ${undetailed} more failed jobs; ${command} lists them`, "");
  }
  lines.push(...blockedLines(progress, style), resultLine(progress, style));
  return lines;
}

function resultLine(progress: RunProgress, { colours }: SummaryStyle): string {
  const name = progress.name === null ? "" : `${printable(progress.name)}, `;
  const status =
    progress.status === "infrastructure" ? "failed for reasons of infrastructure" : progress.status;
  const after = progress.wallMs === null ? "" : ` after ${formatDuration(progress.wallMs)}`;
  const reason = progress.reason === null ? "" : ` (${printable(progress.reason)})`;
  const colour = progress.status === "succeeded" ? colours.green : colours.red;
  return `${name}run ${progress.run} ${colour(status)}${after}: ${countsText(progress)}${reason}`;
}

function rootCauseLines(run: string, cause: RootCause, { colours, commandOptions }: SummaryStyle): string[] {
  const { failure, tail } = cause;
  const agent = failure.agent === null ? "" : ` on ${printable(failure.agent)}`;
  const attempt = (failure.attempt ?? 1) > 1 ? `, attempt ${failure.attempt}` : "";
  const clause = printable(describeOutcome(failure.outcome));
  const phase = failure.phase === null ? "" : `, last phase ${printable(failure.phase)}`;
  const job = colours.red(colours.bold(printable(failure.job)));
  const lines = [`${job} failed${agent}${attempt}${phase}: ${clause}`];
  if (tail === null) {
    if (cause.tailProblem !== undefined)
      lines.push(`  its log could not be read: ${printable(cause.tailProblem)}`);
  } else if (tail.length === 0) {
    lines.push("  it wrote nothing");
  } else {
    lines.push(...tail.map((line) => `  ${colours.dim("|")} ${truncate(printable(line), MAX_LINE_COLUMNS)}`));
  }
  if (failure.attempt !== null) {
    lines.push(`  whole log: millrace logs${commandOptions} ${run} ${shellWord(failure.job)}`);
  }
  lines.push("");
  return lines;
}

function blockedLines(progress: RunProgress, { colours }: SummaryStyle): string[] {
  const lines: string[] = [];
  for (const [rootCause, jobs] of progress.blocked) {
    const named = jobs.slice(0, MAX_BLOCKED_NAMES).map(printable).join(", ");
    const more = jobs.length > MAX_BLOCKED_NAMES ? ` and ${jobs.length - MAX_BLOCKED_NAMES} more` : "";
    const count = `${jobs.length} ${jobs.length === 1 ? "job" : "jobs"} blocked by ${printable(rootCause)}`;
    lines.push(`${colours.yellow(count)}: ${named}${more}`);
  }
  return lines.length === 0 ? [] : [...lines, ""];
}
