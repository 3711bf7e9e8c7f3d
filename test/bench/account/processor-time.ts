/** CPU time and memory of processes, as `/proc` tells them. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in hundredths of a second wherever Node runs. */
const MS_PER_TICK = 10;

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  readonly ownMs: number;
  /** Of children that have ended and were waited for, and of theirs. */
  readonly endedChildrenMs: number;
}

/** What a process used, and what its children did, the living and those it has waited for. */
export interface TreeTime {
  readonly ownMs: number;
  readonly childrenMs: number;
}

export function treeTimeOf(pid: number): TreeTime {
  const all = [...processes()];
  const self = all.find((process) => process.pid === pid);
  if (self === undefined) throw new Error(`process ${pid} is gone`);
  let childrenMs = self.endedChildrenMs;
  const family = new Set([pid]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const process of all) {
      if (!family.has(process.parent) || family.has(process.pid)) continue;
      family.add(process.pid);
      childrenMs += process.ownMs + process.endedChildrenMs;
    }
  }
  return { ownMs: self.ownMs, childrenMs };
}

/** The most memory that a process has had resident so far. */
export function peakBytesOf(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} is gone`);
  return Number(kib) * 1024;
}

function* processes(): Iterable<ProcessTimes> {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const times = timesOf(Number(name));
    if (times !== undefined) yield times;
  }
}

function timesOf(pid: number): ProcessTimes | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // ended since it was listed
  }
  // The command's name, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (index: number): number => Number(fields[index - 3]);
  return {
    pid,
    parent: at(4),
    ownMs: (at(14) + at(15)) * MS_PER_TICK,
    endedChildrenMs: (at(16) + at(17)) * MS_PER_TICK,
  };
}
