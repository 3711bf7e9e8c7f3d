/**
 * A job's attempts in order, told by its view as of now and by the events from then on: each begins, then ends; at
 * last the job ends. View and events overlap; what the view has told is not told again. Pure.
 */
import type { JobView } from "../model/api.ts";
import type { JobPhase, RunEvent } from "../model/event.ts";
import type { Outcome } from "../model/outcome.ts";

export type JobStep =
  | { readonly kind: "attemptStarted"; readonly attempt: number; readonly agent: string }
  | {
      readonly kind: "attemptEnded";
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly retried: boolean;
      /** Length of its log; null where that was not told. */
      readonly logBytes: number | null;
    }
  | {
      readonly kind: "ended";
      readonly phase: JobPhase;
      readonly outcome: Outcome | null;
      readonly reason: string | null;
    };

const finalPhases: ReadonlySet<JobPhase> = new Set([
  "succeeded",
  "failed",
  "blocked",
  "skipped",
  "cancelled",
]);
const cancelled: Outcome = { kind: "cancelled" };

/** Follows one job. `onView` comes first. */
export class JobAttempts {
  #open: number | undefined;
  #lastEnded = 0;

  onView({ attempts, phase, reason }: JobView): JobStep[] {
    const isFinal = finalPhases.has(phase);
    const ran = attempts.filter(({ startedAt, outcome }) => startedAt !== null || outcome !== null);
    const steps = ran.flatMap(
      ({ attempt, agent, outcome, endedAt, returned, logBytes }, index): JobStep[] => {
        const begun = this.#begin(attempt, agent);
        if (outcome === null && endedAt === null && returned === null && !isFinal) return begun;
        const retried = !isFinal || index < ran.length - 1;
        return [...begun, ...this.#end(attempt, outcome ?? cancelled, retried, logBytes)];
      },
    );
    if (isFinal) steps.push({ kind: "ended", phase, outcome: ran.at(-1)?.outcome ?? null, reason });
    return steps;
  }

  onEvent(event: RunEvent): JobStep[] {
    switch (event.type) {
      case "job.started":
        return this.#begin(event.attempt, event.agent);
      case "job.returned":
        return this.#endOpen(true);
      case "job.retrying":
        return this.#whole(event.attempt, event.agent, event.outcome, true, event.logBytes);
      case "job.succeeded": {
        const outcome: Outcome = { kind: "succeeded" };
        const steps = this.#whole(event.attempt, event.agent, outcome, false, event.logBytes);
        return [...steps, { kind: "ended", phase: "succeeded", outcome, reason: null }];
      }
      case "job.reused":
        return [{ kind: "ended", phase: "succeeded", outcome: { kind: "succeeded" }, reason: null }];
      case "job.failed": {
        const { attempt, agent, outcome, logBytes } = event;
        const hasRun = attempt !== null && agent !== null;
        const steps = hasRun ? this.#whole(attempt, agent, outcome, false, logBytes) : [];
        return [...steps, { kind: "ended", phase: "failed", outcome, reason: null }];
      }
      case "job.cancelled": {
        const outcome = this.#open === undefined ? null : cancelled;
        const steps = this.#endOpen(false);
        return [...steps, { kind: "ended", phase: "cancelled", outcome, reason: event.reason }];
      }
      case "job.blocked":
        return [{ kind: "ended", phase: "blocked", outcome: null, reason: `${event.rootCause} failed` }];
      case "job.skipped":
        return [{ kind: "ended", phase: "skipped", outcome: null, reason: event.reason }];
      default:
        return [];
    }
  }

  #begin(attempt: number, agent: string): JobStep[] {
    if (attempt <= this.#lastEnded || attempt === this.#open) return [];
    this.#open = attempt;
    return [{ kind: "attemptStarted", attempt, agent }];
  }

  #end(attempt: number, outcome: Outcome, retried: boolean, logBytes: number | null): JobStep[] {
    if (attempt <= this.#lastEnded) return [];
    this.#open = undefined;
    this.#lastEnded = attempt;
    return [{ kind: "attemptEnded", attempt, outcome, retried, logBytes }];
  }

  /** A short attempt may end without its start having been told. */
  #whole(
    attempt: number,
    agent: string,
    outcome: Outcome,
    retried: boolean,
    logBytes: number | null,
  ): JobStep[] {
    return [...this.#begin(attempt, agent), ...this.#end(attempt, outcome, retried, logBytes)];
  }

  #endOpen(retried: boolean): JobStep[] {
    return this.#open === undefined ? [] : this.#end(this.#open, cancelled, retried, null);
  }
}
