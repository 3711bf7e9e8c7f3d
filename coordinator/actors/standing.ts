/** What a coordinator is at the moment, for those who answer in its name. */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { JournalFollower } from "../journal/journal-follower.ts";
import type { CoordinatorMessage } from "./messages.ts";

export type Standing =
  | { readonly kind: "standby"; readonly follower: JournalFollower }
  | {
      readonly kind: "leading";
      readonly epoch: number;
      readonly coordinator: ActorRef<CoordinatorMessage>;
      /** Other coordinators, and how far they have followed the journal. */
      readonly standbys: () => readonly { readonly node: string; readonly position: number }[];
    }
  /** It is about to lead, or has ended. */
  | { readonly kind: "neither" };
