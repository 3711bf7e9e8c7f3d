/**
 * Decisions about the reuse of one run's jobs: whether an earlier result, or that of an equal job that runs, takes the
 * place of running. Reads the state, never changes it.
 *
 *   ready ──looked──▶ missed | joined | reused         joined ──looked again──▶ missed | reused
 *
 * Safe: 1. an answer counts for a ready job that is not held and has not missed before, so a job is never both run and
 * reused. Live: 2. a ready job that may be reused and has not missed is asked for until there is an answer.
 */
import type { Executed } from "../../shared/model/event.ts";
import type { Artifact, RanOn } from "../../shared/model/outcome.ts";
import type { ReuseKeys, RunRecord } from "./record.ts";
import { keysAt } from "./reuse-key.ts";
import { isFinal, isHeld, jobAt, type RunState, specAt } from "./run-state.ts";

/** What came of looking for an equal job. */
export type ReuseAnswer =
  | {
      readonly kind: "hit";
      readonly keys: ReuseKeys;
      /** Its inputs were made anew, and came out the same. */
      readonly isCutoff: boolean;
      readonly from: Executed;
      readonly artifact: Artifact | null;
    }
  | { readonly kind: "joined"; readonly keys: ReuseKeys; readonly run: string; readonly name: string }
  /** No keys: nobody could say where it would run. */
  | { readonly kind: "miss"; readonly keys: ReuseKeys | null; readonly reason: string };

/** Whether results of the job are remembered. */
export function isReusable(state: RunState, index: number): boolean {
  const { reuse, when } = specAt(state, index);
  return reuse && when === "success";
}

/** Whether a ready job has to be looked for before it may ask for a slot. */
export function isUndecided(state: RunState, index: number): boolean {
  if (!state.options.reuse || !isReusable(state, index)) return false;
  return jobAt(state, index).reuse?.kind !== "missed";
}

/** The keys that a job holds: equal jobs wait for it. Undefined for one that is final, held or not to be run. */
export function claimOf(state: RunState, index: number): ReuseKeys | undefined {
  const { phase, reuse } = jobAt(state, index);
  if (isFinal(phase) || reuse?.kind !== "missed" || isHeld(state, index)) return undefined;
  return reuse.keys ?? undefined;
}

/** The answer for a job. No record: it comes too late, and a claim that came with it is to be given back. */
export function onLooked(state: RunState, job: number, answer: ReuseAnswer, at: number): RunRecord[] {
  const known = state.jobs[job];
  if (known?.phase !== "ready" || isHeld(state, job) || !isUndecided(state, job)) return [];
  switch (answer.kind) {
    case "hit": {
      const { keys, isCutoff, from, artifact } = answer;
      return [{ type: "reused", at, job, ...keys, isCutoff, from, artifact }];
    }
    case "joined": {
      const { run, name, keys } = answer;
      const isKnown = known.reuse?.kind === "joined" && known.reuse.run === run && known.reuse.name === name;
      return isKnown ? [] : [{ type: "joined", at, job, key: keys.key, with: { run, job: name } }];
    }
    case "miss":
      return [{ type: "notReused", at, job, keys: answer.keys, reason: answer.reason }];
  }
}

/** What a success is remembered under: by where it really ran. */
export function keysOfSuccess(
  state: RunState,
  index: number,
  ranOn: RanOn | undefined,
): ReuseKeys | undefined {
  return ranOn === undefined || !isReusable(state, index) ? undefined : keysAt(state, index, ranOn);
}
