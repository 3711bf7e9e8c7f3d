/** All that was measured, as JSON for machines. */
import { type JobCost, ownCpuMs } from "./account/job-cost.ts";
import { isMet } from "./line.ts";
import type { Machine } from "./machine.ts";
import { ratios, summaryOf } from "./series.ts";
import type { NumberedLine } from "./table.ts";

export interface Findings {
  readonly machine: Machine;
  readonly lines: readonly NumberedLine[];
  readonly costs: readonly (JobCost & { readonly row: number })[];
  readonly notes: readonly string[];
}

export function reportOf({ machine, lines, costs, notes }: Findings): object {
  return {
    machine,
    lines: lines.map((line) => {
      const { row, what, ours, beside, target } = line;
      return {
        row,
        what,
        unit: ours.unit,
        ours: { ...summaryOf(ours.values), rounds: ours.values },
        ...(beside === undefined
          ? {}
          : {
              beside: {
                who: beside.who,
                unit: beside.series.unit,
                ...summaryOf(beside.series.values),
                rounds: beside.series.values,
              },
              ratio: summaryOf(ratios(ours, beside.series)),
            }),
        ...(target === undefined ? {} : { target, isMet: isMet(line) }),
      };
    }),
    costs: costs.map((cost) => ({ ...cost, ownCpuMs: ownCpuMs(cost) })),
    notes,
  };
}
