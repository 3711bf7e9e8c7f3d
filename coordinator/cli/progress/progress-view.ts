import type { RunEvent } from "../../../shared/model/event.ts";

/** Shows a run while it goes on. The progress it was opened with is read, never changed. */
export interface ProgressView {
  /** The event has just been folded into the progress. */
  onEvent(event: RunEvent): void;
  /** Says something else meanwhile. */
  say(line: string): void;
  /** Leaves the terminal as it found it. */
  close(): void;
}

/** A view that shows nothing. */
export const silentView: ProgressView = { onEvent: () => {}, say: () => {}, close: () => {} };
