import { z } from "zod";
import type { Client } from "../../../shared/client/client.ts";
import { describeOutcome } from "../../../shared/model/outcome.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode, exitCodeOfOutcome } from "../exit-code.ts";
import { connectionShape, wholeNumber } from "../option-values.ts";
import { RunLogs } from "../run-logs.ts";
import { findRun } from "../run-reference.ts";
import type { Terminal } from "../terminal.ts";

const schema = z
  .object({
    ...connectionShape,
    run: z.string(),
    job: z.string().optional(),
    follow: z.boolean().default(false),
    attempt: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  })
  .refine(({ attempt, job }) => attempt === undefined || job !== undefined, {
    path: ["attempt"],
    message: "needs a job, as attempts are numbered within their job",
  });

/** `millrace logs`: of one job as it was written, or of all with the job's name before each line. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal, interruption } = context;
    const { run } = await findRun(client, input.run);
    if (input.job === undefined) {
      const logs = new RunLogs(client, run, terminal);
      await (input.follow ? logs.follow(interruption.signal) : logs.print());
      return exitCode.succeeded;
    }
    const { follow, attempt } = input;
    const options = { follow, signal: interruption.signal, ...(attempt === undefined ? {} : { attempt }) };
    return await printLog(client, run, input.job, terminal, options);
  }),
);

/** The job's bytes on stdout, all about them on stderr. Gives the job's own exit status when it was followed. */
async function printLog(
  client: Client,
  run: string,
  job: string,
  terminal: Terminal,
  options: { readonly follow: boolean; readonly signal: AbortSignal; readonly attempt?: number },
): Promise<number> {
  let status: number = exitCode.succeeded;
  for await (const record of client.logs(run, job, options)) {
    switch (record.kind) {
      case "attempt":
        if (record.attempt > 1) terminal.note(`attempt ${record.attempt} on ${record.agent}`);
        break;
      case "bytes":
        await terminal.write(record.bytes);
        break;
      case "lost":
        terminal.note(`${record.bytes} bytes of the log are missing here`);
        break;
      case "attemptEnded":
        if (options.attempt !== undefined) status = exitCodeOfOutcome(record.outcome);
        if (record.retried)
          terminal.note(`attempt ${record.attempt}: ${describeOutcome(record.outcome)}; tried again`);
        break;
      case "ended": {
        const { outcome, phase, reason } = record;
        status = outcome === null ? exitCode.jobFailed : exitCodeOfOutcome(outcome);
        const detail = outcome === null || outcome.kind === "succeeded" ? reason : describeOutcome(outcome);
        if (options.follow) terminal.note(`${job} ${phase}${detail === null ? "" : `: ${detail}`}`);
        break;
      }
    }
  }
  return options.follow ? status : exitCode.succeeded;
}
