/**
 * What runs inside the container around the command: a shell that reads the container's own cgroup when the command
 * has ended. From inside, the counters are at one place whatever engine or cgroup driver made them, and they are exact
 * to the end; from outside they vanish with the last process.
 *
 * Its first act is to create the usage file. So an image without `/bin/sh` is told from a command that ends with 127.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { z } from "zod";

/** Where a container finds its files. */
export const place = {
  workspace: "/workspace",
  inputs: "/millrace/inputs",
  sources: "/millrace/source",
  program: "/millrace/program",
  launch: "/millrace/launch",
} as const;

/** Names within the folder that is mounted at `place.launch`. */
export const launchFiles = { wrapper: "wrapper", script: "script", init: "init", usage: "usage" } as const;

/** What a wrapped container's shell is given first. */
export const wrapperPath = `${place.launch}/${launchFiles.wrapper}`;

const counters = {
  "cpuacct/cpuacct.usage": "version 1, nanoseconds",
  "memory/memory.max_usage_in_bytes": "version 1",
  "memory/memory.oom_control": "version 1, has oom_kill",
  "cpu.stat": "version 2, has usage_usec",
  "memory.peak": "version 2, from Linux 5.19 on",
  "memory.events": "version 2, has oom_kill",
};

/** stdout and stderr become one stream, so that their order is kept; the traps let the wrapper outlive a signal. */
export const wrapperScript = `exec 2>&1
usage=${place.launch}/${launchFiles.usage}
{ true >"$usage" && echo "$PPID" >${place.launch}/${launchFiles.init}; } 2>/dev/null
trap : HUP INT TERM
"$@"
status=$?
{
  for counter in ${Object.keys(counters).join(" ")}; do
    [ -r "/sys/fs/cgroup/$counter" ] || continue
    while read -r key value; do
      echo "$counter $key $value"
    done <"/sys/fs/cgroup/$counter"
  done >"$usage"
} 2>/dev/null
exit "$status"
`;

/**
 * Gives TERM to every process of the container, run inside it by the engine. An engine that is set up to share the
 * host's processes would have it reach those: so it does nothing unless the wrapper's parent, the init, is process 1.
 */
export const terminateAll = `read -r init <${place.launch}/${launchFiles.init} && [ "$init" = 1 ] && kill -TERM -1`;

export interface Measured {
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
  /** Whether the kernel ended a process for want of memory; not every engine says so. */
  readonly outOfMemory: boolean;
}

export const notMeasured: Measured = { cpuMs: null, peakMemoryBytes: null, outOfMemory: false };

/** Reads the wrapper's lines, `<counter> <key> [<value>]`; what is not there or not a number was not measured. */
export function parseUsage(text: string): Measured {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [counter = "", key = "", value = ""] = line.split(" ");
    if (value === "") values.set(counter, key);
    else values.set(`${counter} ${key}`, value);
  }
  const nanoseconds = count(values.get("cpuacct/cpuacct.usage"));
  const microseconds = count(values.get("cpu.stat usage_usec"));
  const kills = count(
    values.get("memory.events oom_kill") ?? values.get("memory/memory.oom_control oom_kill"),
  );
  return {
    cpuMs: microseconds !== null ? microseconds / 1e3 : nanoseconds !== null ? nanoseconds / 1e6 : null,
    peakMemoryBytes:
      count(values.get("memory.peak")) ?? count(values.get("memory/memory.max_usage_in_bytes")),
    outOfMemory: kills !== null && kills > 0,
  };
}

const countSchema = z.coerce.number().int().min(0);

function count(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const parsed = countSchema.safeParse(text);
  return parsed.success ? parsed.data : null;
}

const MAX_USAGE_BYTES = 16 * 1024;

/** What the wrapper wrote; undefined when it never ran. The job may have put anything there, a link or a pipe too. */
export async function readUsage(path: string): Promise<Measured | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return isMissing(error) ? undefined : notMeasured;
  }
  try {
    if (!(await file.stat()).isFile()) return notMeasured;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_USAGE_BYTES), 0, MAX_USAGE_BYTES, 0);
    return parseUsage(buffer.toString("utf8", 0, bytesRead));
  } finally {
    await file.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
