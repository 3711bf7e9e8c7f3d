import type { Terminal } from "../terminal.ts";
import { openPlainView } from "./plain-view.ts";
import type { ProgressView } from "./progress-view.ts";
import type { RunProgress } from "./run-progress.ts";

/** The view for this terminal: redrawn in place where that works, lines otherwise. */
export async function openProgressView(terminal: Terminal, progress: RunProgress): Promise<ProgressView> {
  if (!terminal.errIsLive) return openPlainView(terminal, progress);
  const { openLiveView } = await import("./live-view.ts");
  return openLiveView(terminal, progress);
}
