import { userInfo } from "node:os";
import { z } from "zod";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { connectionShape } from "../option-values.ts";
import { findRun } from "../run-reference.ts";

const schema = z.object({
  ...connectionShape,
  run: z.string(),
  job: z.string().optional(),
  reason: z.string().max(500).optional(),
});

/** `millrace cancel`: resolves when the cancelling is on record, not when all has ended. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { run } = await findRun(client, input.run);
    const { cancelled, status } = await client.cancel(run, {
      by: userName(),
      ...(input.job === undefined ? {} : { job: input.job }),
      ...(input.reason === undefined ? {} : { reason: input.reason }),
    });
    const what = input.job === undefined ? `run ${run}` : `job ${input.job} of run ${run}`;
    const result = input.job === undefined ? `had ended before: ${status}` : "had ended before";
    context.terminal.note(`${what} ${cancelled ? "is cancelled" : result}`);
    return exitCode.succeeded;
  }),
);

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an account has no name; the cancelling needs none.
    return "";
  }
}
