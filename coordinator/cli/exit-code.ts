/** The exit statuses of the command line, and how a run, an outcome or an error becomes one. */
import type { ErrorCode } from "../../shared/model/error.ts";
import type { RunStatus } from "../../shared/model/event.ts";
import type { Outcome } from "../../shared/model/outcome.ts";

export const exitCode = {
  succeeded: 0,
  jobFailed: 1,
  /** What a command was to check, bring or do is not so: a hash is wrong, a file can't be had, a question was answered by no. */
  checkFailed: 1,
  usage: 2,
  infrastructure: 3,
  interrupted: 130,
} as const;

/** What a run that has ended makes of the command that followed it; a cancelled run counts as interrupted. */
export function exitCodeOfRun(status: RunStatus): number {
  switch (status) {
    case "succeeded":
      return exitCode.succeeded;
    case "failed":
      return exitCode.jobFailed;
    case "cancelling":
    case "cancelled":
      return exitCode.interrupted;
    case "running":
    case "infrastructure":
      return exitCode.infrastructure;
  }
}

/** What the asker got wrong is 2, what the cluster could not do is 3. */
export function exitCodeOfError(code: ErrorCode): number {
  switch (code) {
    case "badInput":
    case "notFound":
    case "conflict":
    case "refused":
      return exitCode.usage;
    case "unavailable":
    case "timeout":
    case "corrupt":
    case "deposed":
    case "unsupported":
    case "internal":
      return exitCode.infrastructure;
  }
}

const signalNumbers = new Map([
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGQUIT", 3],
  ["SIGILL", 4],
  ["SIGTRAP", 5],
  ["SIGABRT", 6],
  ["SIGBUS", 7],
  ["SIGFPE", 8],
  ["SIGKILL", 9],
  ["SIGSEGV", 11],
  ["SIGPIPE", 13],
  ["SIGALRM", 14],
  ["SIGTERM", 15],
]);

/** A job's own end as an exit status, as a shell has it: its status, 128 + signal, 124 after a timeout, or 1. */
export function exitCodeOfOutcome(outcome: Outcome): number {
  switch (outcome.kind) {
    case "succeeded":
      return exitCode.succeeded;
    case "failed":
      if (outcome.reason === "exit") return outcome.exitCode;
      if (outcome.reason === "signal") return 128 + (signalNumbers.get(outcome.signal) ?? 0);
      return exitCode.jobFailed;
    case "timeout":
      return 124;
    case "outOfMemory":
      return 137;
    case "lost":
      return exitCode.infrastructure;
    case "cancelled":
      return exitCode.interrupted;
  }
}
