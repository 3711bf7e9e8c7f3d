import { createLogUpdate } from "log-update";
import { formatBytes } from "../../../shared/model/size.ts";
import { type CachedSource, sourceLabel } from "../../sources/source-cache.ts";
import { printable, truncate } from "../format/display-width.ts";
import type { Terminal } from "../terminal.ts";

const FRAME_MS = 100;

/** Shows how far downloads are: redrawn in place on a terminal, else a line for each that has ended. */
export interface DownloadView {
  readonly onProgress: (cached: CachedSource, bytes: number, total: number | undefined) => void;
  /** A source has ended; `note` is what there is to say about it. */
  readonly onEnd: (cached: CachedSource, note: string | undefined) => void;
  readonly close: () => void;
}

/** What is under way, in the order in which it began. */
type Running = ReadonlyMap<CachedSource, { readonly bytes: number; readonly total: number | undefined }>;

/** A line for each source under way, as many as there is room for, and one for all of them. */
export function downloadLines(running: Running, ended: number, all: number, rows: number): string[] {
  const lines = [...running].map(([cached, { bytes, total }]) => {
    const of = total === undefined ? "" : ` of ${formatBytes(total)}, ${percent(bytes, total)}`;
    return `  ${sourceLabel(cached)}: ${formatBytes(bytes)}${of}`;
  });
  return [...lines.slice(0, Math.max(0, rows - 2)), `${ended} of ${all} sources`];
}

/** Opens the view for so many sources. */
export function openDownloadView(terminal: Terminal, all: number): DownloadView {
  const running = new Map<CachedSource, { bytes: number; total: number | undefined }>();
  let ended = 0;
  // log-update shows nothing at all on a terminal that does not know its size.
  const canRedraw = terminal.errIsLive && process.stderr.columns > 0;
  const screen = canRedraw ? createLogUpdate(process.stderr) : undefined;
  let height = 0;
  const draw = (): void => {
    if (screen === undefined) return;
    const lines = downloadLines(running, ended, all, terminal.rows());
    const width = Math.max(10, terminal.columns() - 1);
    // log-update loses its place when a line is inserted or removed between equal ones.
    if (lines.length !== height) screen.clear();
    height = lines.length;
    screen(lines.map((line) => truncate(printable(line), width, terminal.unicode)).join("\n"));
  };
  const frames = screen === undefined ? undefined : setInterval(draw, FRAME_MS);
  return {
    onProgress: (cached, bytes, total) => void running.set(cached, { bytes, total }),
    onEnd: (cached, note) => {
      running.delete(cached);
      ended += 1;
      if (note === undefined) return;
      if (screen === undefined) terminal.note(note);
      else screen.persist(printable(note));
    },
    close: () => {
      if (frames !== undefined) clearInterval(frames);
      screen?.clear();
      screen?.done();
    },
  };
}

function percent(bytes: number, total: number): string {
  return `${total === 0 ? 100 : Math.floor((100 * bytes) / total)} %`;
}
