/** What folding a record changes in a run. */
import type { Outcome, Progress } from "../../shared/model/outcome.ts";
import type { Attempt } from "./run-state.ts";

/** One change of state; the projection makes an event of it, the run actor effects. */
export type Change =
  | { readonly kind: "submitted"; readonly priority: number }
  | { readonly kind: "carried"; readonly job: number }
  | { readonly kind: "ready"; readonly job: number }
  | { readonly kind: "reused"; readonly job: number }
  | {
      readonly kind: "joined";
      readonly job: number;
      readonly key: string;
      readonly run: string;
      readonly name: string;
    }
  | { readonly kind: "assigned"; readonly job: number; readonly attempt: Attempt }
  | { readonly kind: "started"; readonly job: number; readonly attempt: Attempt }
  | {
      readonly kind: "progressed";
      readonly job: number;
      readonly attempt: Attempt;
      readonly progress: Progress;
    }
  | { readonly kind: "returned"; readonly job: number; readonly attempt: Attempt; readonly reason: string }
  | { readonly kind: "retrying"; readonly job: number; readonly attempt: Attempt; readonly delayMs: number }
  | { readonly kind: "succeeded"; readonly job: number; readonly attempt: Attempt }
  | {
      readonly kind: "failed";
      readonly job: number;
      readonly attempt: Attempt | null;
      readonly outcome: Outcome;
      readonly isAllowed: boolean;
    }
  | { readonly kind: "blocked"; readonly job: number; readonly rootCause: number }
  | { readonly kind: "skipped"; readonly job: number; readonly reason: string }
  | {
      readonly kind: "cancelled";
      readonly job: number;
      readonly reason: string;
      readonly attempt: Attempt | null;
    }
  | { readonly kind: "stranded"; readonly job: number; readonly reason: string }
  | { readonly kind: "jobPrioritised"; readonly job: number; readonly priority: number }
  | {
      readonly kind: "jobCancelling";
      readonly job: number;
      readonly attempt: Attempt;
      readonly reason: string;
    }
  | { readonly kind: "cancelling"; readonly by: string; readonly reason: string }
  | { readonly kind: "prioritised"; readonly priority: number }
  | { readonly kind: "ended" };
