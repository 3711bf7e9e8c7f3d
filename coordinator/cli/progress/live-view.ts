import { createLogUpdate } from "log-update";
import type { RunEvent } from "../../../shared/model/event.ts";
import { printable, truncate } from "../format/display-width.ts";
import type { Terminal } from "../terminal.ts";
import { describeEvent, importance } from "./event-line.ts";
import { progressLines } from "./progress-lines.ts";
import type { ProgressView } from "./progress-view.ts";
import type { RunProgress } from "./run-progress.ts";

const FRAME_MS = 100;
/** Problems shown above the view in one frame; a fan of failures must not flood the terminal. */
const MAX_PROBLEMS_PER_FRAME = 20;
/** The terminal wraps what stays above the view: a narrow one must not cut off why a job failed. */
const MAX_PROBLEM_LINES = 4;

/** Progress redrawn in place at the foot of the terminal, at most ten times a second; problems stay above it. */
export function openLiveView(
  terminal: Terminal,
  progress: RunProgress,
  stream: NodeJS.WritableStream = process.stderr,
): ProgressView {
  const screen = createLogUpdate(stream);
  let problems: string[] = [];
  let unsaid = 0;
  let height = 0;
  const draw = (): void => {
    const columns = Math.max(10, terminal.columns() - 1);
    for (const problem of problems) screen.persist(problem);
    if (unsaid > 0) screen.persist(terminal.errColours.red(`and ${unsaid} more problems`));
    problems = [];
    unsaid = 0;
    const drawing = { nowMs: Date.now(), columns, rows: terminal.rows(), unicode: terminal.unicode };
    const lines = progressLines(progress, { ...drawing, colours: terminal.errColours });
    // log-update patches the lines that differ, and loses its place when one is inserted or removed between equal ones.
    if (lines.length !== height) screen.clear();
    height = lines.length;
    screen(lines.join("\n"));
  };
  draw();
  const frames = setInterval(draw, FRAME_MS);
  frames.unref();
  return {
    onEvent: (event) => {
      if (importance(event) !== "problem") return;
      if (problems.length < MAX_PROBLEMS_PER_FRAME) problems.push(problemLine(event, terminal));
      else unsaid += 1;
    },
    say: (line) => screen.persist(bounded(line, terminal)),
    close: () => {
      clearInterval(frames);
      draw();
      screen.clear();
      screen.done();
    },
  };
}

/** Red only for what the run will not get over. */
function problemLine(event: RunEvent, terminal: Terminal): string {
  const subject = "job" in event ? event.job : `run ${event.run}`;
  const line = bounded(`${subject} ${describeEvent(event)}`, terminal);
  const isFinal = (event.type === "job.failed" && !event.allowed) || event.type === "job.unschedulable";
  return isFinal ? terminal.errColours.red(line) : terminal.errColours.yellow(line);
}

function bounded(line: string, terminal: Terminal): string {
  return truncate(printable(line), Math.max(10, terminal.columns()) * MAX_PROBLEM_LINES, terminal.unicode);
}
