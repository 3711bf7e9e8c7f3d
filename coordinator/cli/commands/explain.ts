import { z } from "zod";
import type { Explanation } from "../../../shared/client/index.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printable } from "../format/display-width.ts";
import { printJson } from "../json-output.ts";
import { connectionShape } from "../option-values.ts";
import { findRun } from "../run-reference.ts";

const schema = z.object({
  ...connectionShape,
  run: z.string(),
  job: z.string(),
  json: z.boolean().default(false),
});

/** `millrace explain`: why a job is where it is. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { run } = await findRun(client, input.run);
    const explanation = await client.explain(run, input.job);
    if (input.json) await printJson(context.terminal, explanation);
    else await context.terminal.print(explanationLines(explanation).join("\n"));
    return exitCode.succeeded;
  }),
);

/** The explanation for people, one obstacle a line. */
export function explanationLines({ job, phase, reasons, queuePosition, queueLength }: Explanation): string[] {
  const lines = [`${printable(job)} is ${phase}`, ...reasons.map(({ message }) => `  ${printable(message)}`)];
  if (queuePosition !== null) {
    const length = queueLength === null ? "" : ` of ${queueLength}`;
    lines.push(`  number ${queuePosition}${length} in the queue`);
  }
  return lines;
}
