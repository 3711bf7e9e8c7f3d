/**
 * What runs an attempt's command: a shell on the host or a container. A runner knows processes, not jobs: workspace,
 * inputs and log file are made before it is called, outputs are collected after.
 */
import type { Command, Pairs } from "../../shared/model/job-spec.ts";

/** Of the layout `package`: what stands for `/`, so far as it is the job's own. */
export interface PackageRoot {
  /** On the host: holds `script`, and in the end `outputs`; without layers also `inputs` and `patches`. */
  readonly folder: string;
  /** What lies below it, and must not be changed; undefined where all is in the folder. */
  readonly layers: PackageLayers | undefined;
  /** After which ends `outputs` has to be there: an exit status may not be what decides. */
  readonly collects: "never" | "onSuccess" | "onExit";
}

/** Folders that many jobs share, each with `inputs` or `patches`. */
export interface PackageLayers {
  readonly folder: string;
  /** Their names there, the uppermost first. */
  readonly names: readonly string[];
  /** An empty folder for the kernel, on the file system of the job's own; not there yet. */
  readonly overlay: string;
}

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
  /** Where the text of a program goes: files for control may be on a file system that executes nothing. */
  readonly program: string;
  /** Undefined in the layout `workspace`. */
  readonly packageRoot: PackageRoot | undefined;
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
  /** What it made can't be taken: `message` says why. */
  | { readonly kind: "badOutput"; readonly message: string; readonly usage: Usage }
  /** The process is gone and nobody saw its status, or the host failed it. */
  | { readonly kind: "unknown"; readonly message: string }
  /** An earlier process of the agent wanted it, and ended before anything of it ran. */
  | { readonly kind: "neverBegan" };

/** The command of a shell job could not even be given its folder and its output. */
export const unlaunched: Exit = {
  kind: "notStarted",
  reason: "workspace",
  message: "its workspace could not be entered, or its log file could not be made",
};

export interface Usage {
  readonly wallMs: number;
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
  /** Digest of the image that its container was made of. */
  readonly image?: string;
}

export interface Execution {
  readonly exit: Promise<Exit>;
  /** Since its launch, where an earlier process of the agent launched it and the time is known. */
  readonly elapsedMs?: number;
  /** Of one that an earlier process launched: it was found running, so it has not ended in time while nobody looked. */
  readonly isFoundRunning?: boolean;
  /** Its command has ended, and what it made is being fetched: no limit of time applies to that. */
  readonly hasEnded?: boolean;
  /** Signals every process of the attempt. Does nothing once it has ended. */
  signal(signal: "TERM" | "KILL"): Promise<void>;
}

/** What an earlier process of the agent started. */
export interface Adoption extends Pick<Launch, "attempt" | "control" | "log" | "packageRoot"> {
  /** Since its launch, by a clock that nobody sets; undefined when that is not known. */
  readonly elapsedMs: number | undefined;
  /** The host was not started again since: what ran then may run still. */
  readonly isSameBoot: boolean;
}

export interface Runner {
  start(launch: Launch): Promise<Execution>;
  /** Follows to its end what an earlier process of the agent started. */
  adopt(adoption: Adoption): Execution;
  /** Ends what is left of an attempt of an earlier agent process (by its `MILLRACE_ATTEMPT` or container label). */
  sweep(attempt: string): Promise<void>;
  /** Resolves when nothing of an ended attempt is left: with whether its log is surely nobody's any more. Asked once. */
  isQuiet(attempt: string): Promise<boolean>;
  close(): Promise<void>;
}
