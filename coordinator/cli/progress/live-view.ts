import { createLogUpdate } from "log-update";
import { printable, truncate } from "../format/display-width.ts";
import type { Terminal } from "../terminal.ts";
import { describeEvent, importance } from "./event-line.ts";
import { progressLines } from "./progress-lines.ts";
import type { ProgressView } from "./progress-view.ts";
import type { RunProgress } from "./run-progress.ts";

const FRAME_MS = 100;
/** Problems shown above the view in one frame; a fan of failures must not flood the terminal. */
const MAX_PROBLEMS_PER_FRAME = 20;

/** Progress redrawn in place at the foot of the terminal, at most ten times a second; problems stay above it. */
export function openLiveView(terminal: Terminal, progress: RunProgress): ProgressView {
  const screen = createLogUpdate(process.stderr);
  let problems: string[] = [];
  let unsaid = 0;
  const draw = (): void => {
    const columns = Math.max(10, terminal.columns() - 1);
    for (const problem of problems)
      screen.persist(terminal.errColours.red(truncate(problem, columns, terminal.unicode)));
    if (unsaid > 0) screen.persist(terminal.errColours.red(`and ${unsaid} more problems`));
    problems = [];
    unsaid = 0;
    const drawing = { nowMs: Date.now(), columns, rows: terminal.rows(), unicode: terminal.unicode };
    screen(progressLines(progress, { ...drawing, colours: terminal.errColours }).join("\n"));
  };
  draw();
  const frames = setInterval(draw, FRAME_MS);
  frames.unref();
  return {
    onEvent: (event) => {
      if (importance(event) !== "problem") return;
      const subject = "job" in event ? event.job : `run ${event.run}`;
      if (problems.length < MAX_PROBLEMS_PER_FRAME)
        problems.push(printable(`${subject} ${describeEvent(event)}`));
      else unsaid += 1;
    },
    say: (line) =>
      screen.persist(truncate(printable(line), Math.max(10, terminal.columns() - 1), terminal.unicode)),
    close: () => {
      clearInterval(frames);
      draw();
      screen.clear();
      screen.done();
    },
  };
}
