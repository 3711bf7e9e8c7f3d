/** The benchmarks' results as tables for people. */
import { tableLines } from "../../coordinator/cli/format/table.ts";
import type { JobCost } from "./account/job-cost.ts";
import { isMet, type Line, type Target } from "./line.ts";
import { median, ratios, type Series } from "./series.ts";

const columns = [
  { title: "ROW", align: "right" },
  { title: "WORK" },
  { title: "OURS", align: "right" },
  { title: "BESIDE IT", align: "right" },
  { title: "RATIO", align: "right" },
  { title: "TARGET", align: "right" },
  { title: "MET" },
] as const;

export interface NumberedLine extends Line {
  readonly row: number;
}

/** One line for each thing that was measured: medians, and the spread of the ratio. */
export function resultLines(lines: readonly NumberedLine[]): string[] {
  const cells = lines.map((line) => {
    const { row, what, ours, beside, target } = line;
    const met = isMet(line);
    return [
      String(row),
      what,
      inUnits(ours),
      beside === undefined ? "" : `${beside.who} ${inUnits(beside.series)}`,
      beside === undefined ? "" : spread(ratios(ours, beside.series)),
      target === undefined ? "" : describeTarget(target, ours),
      met === undefined ? "" : met ? "yes" : "NO",
    ];
  });
  return tableLines(columns, cells, "aligned");
}

const costColumns = [
  { title: "A JOB COSTS" },
  { title: "COORDINATOR", align: "right" },
  { title: "AGENT", align: "right" },
  { title: "SERVER", align: "right" },
  { title: "SHELLS", align: "right" },
  { title: "CLIENT", align: "right" },
  { title: "MESSAGES IN", align: "right" },
  { title: "OUT", align: "right" },
  { title: "BYTES IN", align: "right" },
  { title: "APPENDS", align: "right" },
  { title: "EVENTS", align: "right" },
  { title: "ROUND TRIPS", align: "right" },
] as const;

/** CPU time of each process in ms, then the server's counters. */
export function costLines(costs: readonly JobCost[]): string[] {
  const cells = costs.map(({ what, times, counters }) => [
    what,
    ...[times.coordinatorMs, times.agentMs, times.serverMs, times.shellsMs, times.clientMs].map(
      (ms) => `${ms.toFixed(3)} ms`,
    ),
    counters.messagesIn.toFixed(2),
    counters.messagesOut.toFixed(2),
    counters.bytesIn.toFixed(0),
    counters.journalAppends.toFixed(3),
    counters.eventMessages.toFixed(3),
    counters.roundTrips.toFixed(3),
  ]);
  return tableLines(costColumns, cells, "aligned");
}

function inUnits({ unit, values }: Series): string {
  return `${rounded(median(values))} ${unit}`;
}

function describeTarget({ of, bound, limit }: Target, ours: Series): string {
  const sign = bound === "atMost" ? "<=" : ">=";
  return of === "ratio" ? `${sign} ${limit}x` : `${sign} ${limit} ${ours.unit}`;
}

function spread(values: readonly number[]): string {
  const middle = `${median(values).toFixed(2)}x`;
  if (values.length === 1) return middle;
  return `${middle} (${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)})`;
}

function rounded(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
