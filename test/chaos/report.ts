/** What chaos did, as a table for people. Pure. */
import type { Fault } from "./fault.ts";

const kinds: readonly Fault["kind"][] = ["kill", "stop", "pause", "cut", "silence"];
const WIDTH = 9;

/** A row for each target, a column for each kind of fault; `faults` counts by `kill c1`. */
export function faultTable(faults: ReadonlyMap<string, number>): string[] {
  const targets = [...new Set([...faults.keys()].map((key) => key.split(" ")[1]!))].sort();
  const row = (title: string, cells: readonly (string | number)[]): string =>
    [title.padEnd(WIDTH), ...cells.map((cell) => String(cell).padStart(WIDTH))].join("");
  const countsOf = (target: string): number[] => kinds.map((kind) => faults.get(`${kind} ${target}`) ?? 0);
  const totals = kinds.map((_, index) => targets.reduce((sum, target) => sum + countsOf(target)[index]!, 0));
  return [
    row("faults", kinds),
    ...targets.map((target) => row(target, countsOf(target))),
    row("all", totals),
  ];
}
