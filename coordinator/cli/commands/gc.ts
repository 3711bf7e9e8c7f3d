import { z } from "zod";
import type { Collection } from "../../../shared/client/index.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { connectionShape, durationValue, unreferencedValue } from "../option-values.ts";

const schema = z.object({
  ...connectionShape,
  dryRun: z.boolean().default(false),
  olderThan: durationValue.optional(),
  unreferencedFor: unreferencedValue.optional(),
  json: z.boolean().default(false),
});

/** What a phase does, for people who wait. */
const doing: Readonly<Record<Collection["phase"], string>> = {
  waiting: "waiting: agents that have just connected are telling what they hold",
  condemning: "giving up expired runs",
  settling: "letting what was asked of them end",
  confirming: "making sure who leads",
  removing: "removing their journals, events and logs",
  marking: "reading what the other runs refer to",
  sweepingEntries: "looking through the objects",
  sweepingChunks: "looking through the objects' chunks",
  done: "done",
  failed: "failed",
};

/** `millrace gc`: resolves when the collection is over. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    const wishes = {
      dryRun: input.dryRun,
      ...(input.olderThan === undefined ? {} : { olderThanMs: input.olderThan }),
      ...(input.unreferencedFor === undefined ? {} : { unreferencedForMs: input.unreferencedFor }),
    };
    let last: Collection | undefined;
    for await (const collection of client.collect(wishes)) {
      if (collection.phase !== last?.phase && !input.json) terminal.note(doing[collection.phase]);
      last = collection;
    }
    if (last === undefined) throw new MillraceError("internal", "no collection was made");
    if (input.json) await printJson(terminal, last);
    else await terminal.print(collectionLines(last).join("\n"));
    if (last.phase === "done") return exitCode.succeeded;
    throw new MillraceError("unavailable", `the collection has failed: ${last.reason ?? ""}`, {
      fix: "What it has not come to is removed by the next one; the coordinator's log says more.",
    });
  }),
);

/** What a collection has removed, or would remove. */
export function collectionLines(collection: Collection): string[] {
  const { dryRun, runs, runList, keptRuns, objects, seenObjects, bytes } = collection;
  const verb = dryRun ? "would remove" : "removed";
  const more = runs > runList.length ? ", …" : "";
  return [
    `${verb} ${countOf(runs, "run")} of ${runs + keptRuns}${runs === 0 ? "" : `: ${runList.join(", ")}${more}`}`,
    `${verb} ${countOf(objects, "object")} of ${seenObjects}, ${formatBytes(bytes)}`,
  ];
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
