import { z } from "zod";
import { identifierSchema } from "../../../shared/model/name.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode, exitCodeOfRun } from "../exit-code.ts";
import { connectionShape, optionsOf, submissionShape } from "../option-values.ts";
import { printReusePlan } from "../reuse-plan.ts";
import { RunFollower } from "../run-follower.ts";
import { readRunInput, withSources } from "../run-input.ts";
import { userName } from "../user-name.ts";

const schema = z.object({
  ...submissionShape,
  ...connectionShape,
  follow: z.boolean().default(false),
  run: identifierSchema.optional(),
  pool: z.string().max(64).default(""),
  plan: z.boolean().default(false),
});

/** `millrace submit`: stdout gets the run's id and nothing else. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal, interruption } = context;
  const runInput = await readRunInput(input, terminal);
  if (runInput === undefined) return exitCode.usage;
  return await withCluster(input, context, async (client) => {
    const graph = await withSources(client, runInput);
    if (input.plan) {
      const plan = await client.plan(graph, { ...optionsOf(input), pool: input.pool });
      await printReusePlan(terminal, plan, false);
      return exitCode.succeeded;
    }
    const { run, repeated } = await client.submit(graph, {
      ...(input.run === undefined ? {} : { run: input.run }),
      ...optionsOf(input),
      pool: input.pool,
      submitter: userName(),
    });
    if (repeated) terminal.note(`run ${run} had been submitted before; it is the same run`);
    await terminal.print(run);
    if (!input.follow) return exitCode.succeeded;
    const follower = new RunFollower(client, run, terminal, false);
    await follower.follow(interruption.signal);
    await follower.summarise();
    return exitCodeOfRun(follower.progress.status);
  });
});
