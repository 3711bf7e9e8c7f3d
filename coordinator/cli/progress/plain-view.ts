import { printable } from "../format/display-width.ts";
import type { Terminal } from "../terminal.ts";
import { describeEvent, importance } from "./event-line.ts";
import { countsText, remainingText } from "./progress-lines.ts";
import type { ProgressView } from "./progress-view.ts";
import { endedJobs, type RunProgress } from "./run-progress.ts";

/** Watchers of a log take silence for a hang. */
const QUIET_MS = 30_000;

/** One line for each job that ends or gets into trouble, and a sign of life when nothing else is said. */
export function openPlainView(terminal: Terminal, progress: RunProgress): ProgressView {
  const sayWhere = (): void => {
    const left = remainingText(progress, Date.now());
    terminal.note(`${prefix(progress)} ${countsText(progress)}${left === "" ? "" : `, ${left}`}`);
  };
  const quiet = setInterval(sayWhere, QUIET_MS);
  quiet.unref();
  return {
    onEvent: (event) => {
      if (importance(event) === "detail") return;
      const subject = "job" in event ? event.job : `run ${event.run}`;
      terminal.note(`${prefix(progress)} ${printable(`${subject} ${describeEvent(event)}`)}`);
      quiet.refresh();
    },
    say: (line) => terminal.note(line),
    close: () => clearInterval(quiet),
  };
}

function prefix(progress: RunProgress): string {
  const total = String(progress.jobs);
  return `[${String(endedJobs(progress)).padStart(total.length)}/${total}]`;
}
