/** What a simulated job does, written into its script so that any host can carry it out. */
import { createHash } from "node:crypto";
import type { Command } from "../../shared/model/job-spec.ts";

/** `vanishes`: it is gone without a status, as when what started it was killed. */
export type Ending = "succeeds" | "fails" | "crashes" | "runsOutOfMemory" | "hangs" | "vanishes";

/** The exit status of one that fails. */
export const FAILED_EXIT = 3;

export interface JobScript {
  readonly wallMs: number;
  /** How its attempts end, the first one first; later ones end as the last. */
  readonly endings: readonly Ending[];
  /** It takes KILL to end it. */
  readonly ignoresTerm: boolean;
  /** Writes to its log at all times; otherwise it is silent after its start. */
  readonly isChatty: boolean;
  /** With each attempt something else (left out), of the same inputs the same, or always the same. */
  readonly makes?: "anew" | "same" | "constant";
}

/** Of what a job makes that always makes the same. */
export function constantDigest(name: string): string {
  return createHash("sha256")
    .update(JSON.stringify([name]))
    .digest("hex");
}

export function writeScript(script: JobScript): string {
  return JSON.stringify(script);
}

export function readScript(command: Command): JobScript {
  if (!("script" in command)) throw new Error("a simulated job has a script");
  return JSON.parse(command.script) as JobScript;
}

export function endingOf({ endings }: JobScript, attempt: number): Ending {
  return endings[attempt - 1] ?? endings.at(-1) ?? "succeeds";
}
