/** What was measured on: the machine and the versions of what took part. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, version as kernel, loadavg, totalmem } from "node:os";
import { version } from "../../shared/model/version.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Before the first row: others may be at work. */
  readonly load1: number;
  readonly versions: Readonly<Record<string, string>>;
}

const versionCommands = {
  "nats-server": ["--version"],
  make: ["--version"],
  ninja: ["--version"],
  tar: ["--version"],
};

export function thisMachine(): Machine {
  const versions: Record<string, string> = { millrace: version, node: process.version };
  for (const [command, args] of Object.entries(versionCommands)) {
    const found = versionOf(command, args);
    if (found !== undefined) versions[command] = found;
  }
  return {
    cpu: cpuModel(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: kernel(),
    load1: loadavg()[0] ?? 0,
    versions,
  };
}

/** Two lines for people. */
export function machineLines({ cpu, cores, memoryGiB, load1, versions }: Machine): string[] {
  const named = Object.entries(versions).map(([name, of]) => `${name} ${of}`);
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB; load ${load1.toFixed(1)} at the start`,
    named.join(", "),
  ];
}

function cpuModel(): string {
  return /^model name\s*:\s*(.+)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
}

/** The first thing in what it says that looks like a version; undefined where it is not installed. */
function versionOf(command: string, args: readonly string[]): string | undefined {
  const { stdout } = spawnSync(command, [...args], { env: { ...process.env, PATH: pathWithServers() } });
  return /\d+(\.\d+)+/.exec(stdout?.toString() ?? "")?.[0];
}

function pathWithServers(): string {
  return `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
}
