/**
 * The launch file: shell text that the spawner reads, and which starts the job. A script stays in a file of its own,
 * unchanged, so that the line numbers in the shell's messages are its author's, and its size has no limit. Everything
 * from outside is quoted; any bytes but NUL are safe.
 *
 * A job is a plain command where it can be: shells start one without copying themselves first (dash uses vfork), which
 * is a third of what a short job costs. A command that has to be looked for might be one of the shell's own, and a
 * variable that a shell can't hold has to go through env(1): these begin in a subshell.
 */
import { join } from "node:path";
import type { Pairs } from "../../shared/model/job-spec.ts";
import { packageCommand, packagePaths } from "./package-paths.ts";
import type { ProcessIdentity } from "./process-census.ts";
import type { Launch } from "./runner.ts";
import { UNLAUNCHED } from "./spawner-script.ts";

/** Names a shell can't export: they are its own, with a meaning or read-only in one shell or another. */
const shellOwned = new Set(["OPTIND", "LINENO", "PPID", "UID", "EUID", "BASHOPTS", "SHELLOPTS"]);

/** Who runs a launch file, for an agent that comes back. */
export interface LaunchNote {
  readonly spawner: ProcessIdentity;
  /** CPU time of the spawner's jobs before this one, where it is known. */
  readonly cpuBeforeMs: number | null;
  /** Absent in what version 0.1 wrote. */
  readonly attempt: string | undefined;
}

/**
 * The launch file's text; `enter` are words that go before the command. Its first line is a note on the launch; before
 * anything of the job is run, its status file names it: without that the job has not begun.
 */
export function launchFileText(
  launch: Launch,
  { spawner, cpuBeforeMs }: Omit<LaunchNote, "attempt">,
  enter: readonly string[] = [],
): string {
  const plain: string[] = [];
  const odd: string[] = [];
  for (const [name, value] of completeEnvironment(launch)) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellOwned.has(name)) plain.push(`${name}=${quote(value)}`);
    else odd.push(quote(`${name}=${value}`));
  }
  const words = [...enter, ...wordsOf(launch)];
  const isPlain = odd.length === 0 && words[0]?.includes("/");
  const command = words.map(quote).join(" ");
  const through = odd.length === 0 ? "" : `env -- ${odd.join(" ")} `;
  const begin = isPlain
    ? `${plain.join(" ")} ${command}`
    : `(export ${plain.join(" ")}; exec ${through}${command})`;
  const log = quote(launch.log);
  const name = quote(launch.attempt);
  return `\
# ${spawner.pid} ${spawner.startTicks} ${cpuBeforeMs ?? "-"} ${JSON.stringify(launch.attempt)}
if cd ${quote(launch.workspace)} && true >>${log} && printf '%s\\n' ${name} >"$control/status"; then
${begin} >>${log} 2>&1 </dev/null
else problem=${UNLAUNCHED}
fi
`;
}

/** Reads the note of a launch file; `undefined` when it was never written whole. */
export function launchNoteOf(text: string): LaunchNote | undefined {
  const [, pid, startTicks, cpuBefore, attempt] = /^# (\d+) (\d+)(?: (\S+) (".*"))?\n/.exec(text) ?? [];
  if (pid === undefined || startTicks === undefined) return undefined;
  return {
    spawner: { pid: Number(pid), startTicks: Number(startTicks) },
    cpuBeforeMs: cpuBefore === undefined || cpuBefore === "-" ? null : Number(cpuBefore),
    attempt: attempt === undefined ? undefined : String(JSON.parse(attempt)),
  };
}

/** Where the spawner looks for the launch file. */
export function launchFilePath(control: string): string {
  return join(control, "launch");
}

/** Where a script job's script is. */
export function scriptPath(launch: Launch): string {
  return join(launch.control, "script");
}

function wordsOf(launch: Launch): readonly string[] {
  const { command, packageRoot } = launch;
  if (packageRoot !== undefined) return packageCommand(command);
  if ("script" in command) return ["/bin/sh", "-e", scriptPath(launch)];
  return "argv" in command ? command.argv : [launch.program];
}

/** Says what a shell can't be given, or nothing. */
export function launchProblem(launch: Launch): string | undefined {
  const argv = "argv" in launch.command ? launch.command.argv : [];
  if (argv.some(hasNul)) return "an argument contains a NUL byte";
  for (const [name, value] of launch.environment) {
    if (name === "" || name.includes("=") || hasNul(name))
      return `${JSON.stringify(name)} is no name of a variable`;
    if (hasNul(value)) return `the variable ${name} contains a NUL byte`;
  }
  return undefined;
}

/** The job's own, then what Millrace sets; of one name the last counts. */
function completeEnvironment(launch: Launch): Map<string, string> {
  const own: Pairs = [["MILLRACE_ATTEMPT", launch.attempt]];
  if (launch.packageRoot === undefined) own.push(["MILLRACE_WORKSPACE", launch.workspace]);
  else own.push(["MILLRACE_INPUTS", packagePaths.inputs]);
  if (launch.inputs !== undefined) own.push(["MILLRACE_INPUTS", launch.inputs]);
  if (launch.sources !== undefined) own.push(["MILLRACE_SOURCE", launch.sources]);
  return new Map([...launch.environment, ...own]);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function hasNul(text: string): boolean {
  return text.includes("\0");
}
