/**
 * What runs an attempt's command: a shell on the host or a container. A runner knows processes, not jobs: workspace,
 * inputs and log file are made before it is called, outputs are collected after.
 */
import type { Command, Pairs } from "../../shared/model/job-spec.ts";

/** One command to run. Paths are absolute on the host. */
export interface Launch {
  /** `<run>/<job index>/<attempt>/<lease>`: what every process of it carries as `MILLRACE_ATTEMPT`. */
  readonly attempt: string;
  readonly command: Command;
  readonly image: string | undefined;
  readonly network: string | undefined;
  readonly environment: Pairs;
  readonly workspace: string;
  /** Folder with one folder per needed job; mounted or named as `MILLRACE_INPUTS`. */
  readonly inputs: string | undefined;
  /** Folder of the run file's sources, read-only; `MILLRACE_SOURCE`. */
  readonly sources: string | undefined;
  /** Folder for control files (status, launch script), on a RAM file system where there is one. */
  readonly control: string;
  /** stdout and stderr, appended as they come. */
  readonly log: string;
  readonly cpu: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** How the command ended, by its own status; null where it was not measured. */
export type Exit =
  | { readonly kind: "exited"; readonly exitCode: number; readonly usage: Usage }
  | { readonly kind: "signalled"; readonly signal: string; readonly usage: Usage }
  | { readonly kind: "outOfMemory"; readonly usage: Usage }
  /** It could not be started: no such image, no engine, no shell. */
  | {
      readonly kind: "notStarted";
      readonly reason: "image" | "engine" | "workspace";
      readonly message: string;
    }
  /** The process is gone and nobody saw its status. */
  | { readonly kind: "unknown"; readonly message: string };

export interface Usage {
  readonly wallMs: number;
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
}

export interface Execution {
  readonly exit: Promise<Exit>;
  /** Signals every process of the attempt. Does nothing once it has ended. */
  signal(signal: "TERM" | "KILL"): Promise<void>;
}

export interface Runner {
  start(launch: Launch): Promise<Execution>;
  /** Ends what is left of an attempt of an earlier agent process (by its `MILLRACE_ATTEMPT` or container label). */
  sweep(attempt: string): Promise<void>;
  close(): Promise<void>;
}
