/**
 * Keeps each run's events without gap or repeat. Events of a run are numbered 1, 2, 3 …; the first one met sets where
 * it begins, as older ones may be gone or not asked for. Bounded: a run that has finished is remembered for a while
 * only, as nothing of it follows but, at most, a repeat.
 */
import { MillraceError } from "../model/error.ts";

const FINISHED_RUNS_KEPT = 1_000;

export class EventOrder {
  readonly #last = new Map<string, number>();
  readonly #finished = new Set<string>();

  /** Whether the event is news; throws `corrupt` when others are missing before it. */
  isNews(run: string, seq: number, type: string): boolean {
    const last = this.#last.get(run);
    if (last !== undefined && seq <= last) return false;
    if (last !== undefined && seq > last + 1) {
      throw new MillraceError("corrupt", `events ${last + 1} to ${seq - 1} of run ${run} are missing`, {
        fix: "Read the run's state instead; the event stream has lost messages.",
      });
    }
    this.#last.set(run, seq);
    if (type === "run.finished") this.#forgetLater(run);
    return true;
  }

  #forgetLater(run: string): void {
    this.#finished.add(run);
    if (this.#finished.size <= FINISHED_RUNS_KEPT) return;
    for (const oldest of this.#finished) {
      this.#finished.delete(oldest);
      this.#last.delete(oldest);
      return;
    }
  }
}
