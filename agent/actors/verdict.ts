/** What an ended attempt counts as: the agent's own decision to end it comes before the command's status. */
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { type AttemptResult, describeOutcome, type Outcome, type RanOn } from "../../shared/model/outcome.ts";
import { OutputError } from "../../shared/store/output-error.ts";
import type { EndCause } from "../core/end-cause.ts";
import { isHostTrouble } from "../core/host-trouble.ts";
import type { MarkedLog } from "../core/log-marks.ts";
import type { Exit } from "../runners/runner.ts";

/** The outcome of a command that ended with `exit`, as far as the command decides it. */
export function outcomeOf(exit: Exit, ended: EndCause | undefined, memoryLimit: number | undefined): Outcome {
  if (ended !== undefined) return ended;
  switch (exit.kind) {
    case "exited":
      return exit.exitCode === 0
        ? { kind: "succeeded" }
        : { kind: "failed", reason: "exit", exitCode: exit.exitCode };
    case "signalled":
      return { kind: "failed", reason: "signal", signal: exit.signal };
    case "outOfMemory":
      return { kind: "outOfMemory", limitBytes: memoryLimit ?? null };
    case "notStarted":
      return { kind: "failed", reason: exit.reason, message: exit.message };
    case "badOutput":
      return { kind: "failed", reason: "badOutput", message: exit.message };
    case "unknown":
      return { kind: "lost", message: exit.message };
    case "neverBegan":
      return { kind: "lost", message: "it never began" };
  }
}

/** What the marks in its log make of an outcome that its command alone has decided. */
export function withMarks(
  outcome: Outcome,
  exit: Exit,
  { error }: Pick<MarkedLog, "error">,
  verdict: "both" | "marks",
): Outcome {
  if (exit.kind !== "exited") return outcome;
  if (error !== null) {
    const status = exit.exitCode === 0 ? "" : ` (exit status ${exit.exitCode})`;
    const said = error.trim() || "error";
    return { kind: "failed", reason: "badOutput", message: `its log says: ${said}${status}` };
  }
  return verdict === "marks" ? { kind: "succeeded" } : outcome;
}

/** Whether its own writing met the full disk can't be told: the benefit of the doubt is the job's. */
export function failedOnFullDisk(outcome: Outcome): Outcome {
  const message = `the disk of its agent was full when it ended with: ${describeOutcome(outcome)}`;
  return { kind: "lost", message };
}

/** The host could not give it folders, files or a shell. */
export function noPlace(error: unknown): Outcome {
  return { kind: "lost", message: `its agent had no place for it: ${reasonOf(error)}` };
}

/** What was measured of it; nothing where no command ran. */
export function measuredOf(
  exit: Exit | undefined,
): Pick<AttemptResult, "wallMs" | "cpuMs" | "peakMemoryBytes"> {
  if (exit === undefined || !("usage" in exit)) return { wallMs: null, cpuMs: null, peakMemoryBytes: null };
  const { wallMs, cpuMs, peakMemoryBytes } = exit.usage;
  return { wallMs: Math.round(wallMs), cpuMs, peakMemoryBytes };
}

/** Where it ran; undefined where nothing did, or nobody has seen it. */
export function ranOnOf(
  exit: Exit | undefined,
  image: string | null,
  hostIdentity: string,
): RanOn | undefined {
  if (exit === undefined || !("usage" in exit)) return undefined;
  if (image === null) return { host: hostIdentity };
  return exit.usage.image === undefined ? undefined : { image: exit.usage.image };
}

/** Inputs or sources did not come. */
export function prepareFailure(error: unknown): Outcome {
  return failure(error, "inputs", "its inputs could not be fetched");
}

/** The outputs were not stored: the job's fault where its workspace does not hold them. */
export function collectFailure(error: unknown): Outcome {
  if (error instanceof OutputError) return { kind: "failed", reason: error.reason, message: error.message };
  return failure(error, "badOutput", "its outputs could not be stored");
}

/** A store that can't be reached, or a full disk, is nobody's failure: the attempt is lost, and may run elsewhere. */
function failure(error: unknown, reason: "inputs" | "badOutput", what: string): Outcome {
  const message = `${what}: ${reasonOf(error)}`;
  const code = error instanceof MillraceError ? error.code : "internal";
  if (code === "unavailable" || code === "timeout" || isHostTrouble(error)) return { kind: "lost", message };
  return { kind: "failed", reason, message };
}
