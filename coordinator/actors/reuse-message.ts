/** What runs ask of the reuse actor, and what it tells itself. */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { ReuseKeys } from "../core/record.ts";
import type { Component } from "../core/reuse-key.ts";
import type { LastTime, Remembered } from "../journal/reuse-store.ts";
import type { RunMessage } from "./messages.ts";

/** A ready job looks for an equal one; the answer is `looked`. Asking again takes the place of the question. */
export interface Look {
  readonly kind: "look";
  readonly run: string;
  readonly job: number;
  readonly name: string;
  readonly keys: ReuseKeys;
  readonly components: readonly Component[];
  /** Equal inputs are enough; else all that lies below it must be equal, too. */
  readonly cutoff: boolean;
  readonly ref: ActorRef<RunMessage>;
}

export type ReuseMessage =
  | Look
  /** These are the keys that jobs of a run hold, and none of its jobs asks. */
  | {
      readonly kind: "claims";
      readonly run: string;
      readonly claims: readonly { readonly job: number; readonly name: string; readonly keys: ReuseKeys }[];
    }
  /** All living runs have told their claims before this. */
  | { readonly kind: "recovered" }
  /** The job has ended otherwise, or is held. */
  | { readonly kind: "released"; readonly run: string; readonly job: number }
  | { readonly kind: "runClosed"; readonly run: string }
  /** The job has succeeded, and that is recorded. */
  | {
      readonly kind: "made";
      readonly run: string;
      readonly job: number;
      readonly result: Remembered;
      readonly last: LastTime;
    }
  | { readonly kind: "found"; readonly question: number; readonly result: Remembered | null }
  /** An artifact is announced, if it is there. */
  | {
      readonly kind: "checked";
      readonly question: number;
      readonly result: Remembered;
      readonly isThere: boolean;
    }
  | { readonly kind: "unfound"; readonly question: number; readonly reason: string }
  | { readonly kind: "compared"; readonly question: number; readonly reason: string }
  | { readonly kind: "stored"; readonly failure: string | null }
  | { readonly kind: "tick" };
