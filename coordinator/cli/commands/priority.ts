import { z } from "zod";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { connectionShape, priorityValue } from "../option-values.ts";
import { findRun } from "../run-reference.ts";

/** With two words they are run and priority, with three run, job and priority. */
const schema = z
  .object({ ...connectionShape, run: z.string(), jobOrPriority: z.string(), priority: z.string().optional() })
  .transform(({ jobOrPriority, priority, ...rest }) =>
    priority === undefined
      ? { ...rest, job: undefined, priority: jobOrPriority }
      : { ...rest, job: jobOrPriority, priority },
  )
  .pipe(
    z.object({
      // Already checked above; zod hands on what it made of them.
      server: z.string().optional(),
      namespace: z.string(),
      timeout: z.number().optional(),
      run: z.string(),
      job: z.string().optional(),
      priority: priorityValue,
    }),
  );

/** `millrace priority`: of a run, or of one job of it. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { run } = await findRun(client, input.run);
    await client.setPriority(run, input.priority, input.job === undefined ? {} : { job: input.job });
    const what = input.job === undefined ? `run ${run}` : `job ${input.job} of run ${run}`;
    context.terminal.note(`${what} ${input.priority === 0 ? "is held" : `has priority ${input.priority}`}`);
    return exitCode.succeeded;
  }),
);
