/**
 * Which processes belong to which attempt, by one pass over /proc: by `MILLRACE_ATTEMPT` in their environment, or by
 * the session of the spawner that runs them, which also has those that cleared their environment. A process is named
 * by pid and start time, so that a pid used again is never taken for it. Where there is no /proc the census is empty
 * and only the process group is known.
 */
import { readdir, readFile } from "node:fs/promises";
import { uptime } from "node:os";
import { readProcFile } from "./proc-file.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot. */
  readonly startTicks: number;
}

export interface CensusEntry extends ProcessIdentity {
  readonly session: number;
  /** A thread of the kernel: it has no environment, which is dear to be told, and no files. */
  readonly isKernel: boolean;
  /** Value of `MILLRACE_ATTEMPT`, where it could be read. */
  readonly attempt: string | undefined;
}

/** Processes looked at before other work of the agent gets its turn. */
const SLICE = 50;

/** Everything in /proc that still runs; zombies do not. */
export async function takeCensus(): Promise<CensusEntry[]> {
  const entries: CensusEntry[] = [];
  let looked = 0;
  for (const pid of await processIds()) {
    const entry = look(pid);
    if (entry !== undefined) entries.push(entry);
    looked += 1;
    if (looked % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return entries;
}

/** Start time of a living process, or nothing. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks };
}

/** The process that a line of `/proc/<pid>/stat` is about, or nothing when it is not whole. */
export function identityIn(line: string): ProcessIdentity | undefined {
  const [pid, startTicks] = [Number.parseInt(line, 10), fieldsOf(line).startTicks];
  return pid > 0 && startTicks > 0 ? { pid, startTicks } : undefined;
}

/** Sends a signal to that very process; says whether it was still there. */
export function signalProcess({ pid, startTicks }: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (readStat(pid)?.startTicks !== startTicks) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    // It has ended since, or changed its user: nothing that a signal of ours could do.
    return false;
  }
}

/** Resident memory of a process now and at its highest; zero when it is gone. */
export function memoryOf(pid: number): { residentBytes: number; peakBytes: number } {
  const status = readProcFile(`/proc/${pid}/status`)?.toString("latin1") ?? "";
  return { residentBytes: kibibytes(status, "VmRSS"), peakBytes: kibibytes(status, "VmHWM") };
}

/** Identity of the running system: a pid says nothing across a reboot. */
export async function bootId(): Promise<string> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "latin1")).trim();
  } catch {
    // No /proc here; identities are then compared by pid and time alone.
    return "";
  }
}

/** The age of the running system as it was read last, and when that was. */
let lastReading = { uptimeMs: 0, atMs: Number.NEGATIVE_INFINITY };
const READING_LASTS_MS = 1_000;

/**
 * Age of the running system: unlike the wall clock nobody sets it, and all its processes share it. It is read once a
 * second, as a reading costs more than anything else that an agent asks the system for a job.
 */
export function uptimeMs(): number {
  const nowMs = performance.now();
  if (nowMs - lastReading.atMs > READING_LASTS_MS) lastReading = { uptimeMs: uptime() * 1_000, atMs: nowMs };
  return lastReading.uptimeMs + nowMs - lastReading.atMs;
}

/** Clock ticks after boot, a little in the past: whatever is started from now on has at least as many. */
export function uptimeTicks(): number {
  return Math.floor((uptimeMs() - READING_ERROR_MS) / TICK_MS);
}

/** How much the age may be read too high. */
const READING_ERROR_MS = 50;

/** Of the times in /proc, whatever the kernel's own is. */
const TICK_MS = 10;

async function processIds(): Promise<number[]> {
  try {
    return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    // No /proc: see the head of this file.
    return [];
  }
}

function look(pid: number): CensusEntry | undefined {
  const stat = readStat(pid);
  if (stat === undefined) return undefined;
  return { pid, ...stat, attempt: stat.isKernel ? undefined : attemptOf(pid) };
}

const FIRST = Buffer.from("MILLRACE_ATTEMPT=");
const LATER = Buffer.from(`\0${FIRST}`);

function attemptOf(pid: number): string | undefined {
  const environment = readProcFile(`/proc/${pid}/environ`);
  if (environment === undefined) return undefined;
  const isFirst = environment.subarray(0, FIRST.length).equals(FIRST);
  const at = isFirst ? 0 : environment.indexOf(LATER);
  if (at < 0) return undefined;
  const start = at + (isFirst ? FIRST.length : LATER.length);
  const end = environment.indexOf(0, start);
  return environment.toString("utf8", start, end < 0 ? undefined : end);
}

function readStat(pid: number): Omit<StatFields, "state"> | undefined {
  const line = readProcFile(`/proc/${pid}/stat`)?.toString("latin1");
  if (line === undefined) return undefined;
  const { state, ...fields } = fieldsOf(line);
  return state === "Z" || state === "X" ? undefined : fields;
}

interface StatFields {
  readonly state: string | undefined;
  readonly session: number;
  readonly startTicks: number;
  readonly isKernel: boolean;
}

/** `PF_KTHREAD` of linux/sched.h. */
const KERNEL_FLAG = 0x00200000;

/** The name in a stat line may hold anything, so fields are counted from its last parenthesis. */
function fieldsOf(line: string): StatFields {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0],
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
    isKernel: (Number(fields[6]) & KERNEL_FLAG) !== 0,
  };
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
}
