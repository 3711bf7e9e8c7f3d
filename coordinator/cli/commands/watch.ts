import { z } from "zod";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCodeOfRun } from "../exit-code.ts";
import { connectionShape } from "../option-values.ts";
import { RunFollower } from "../run-follower.ts";
import { findRun } from "../run-reference.ts";

const schema = z.object({ ...connectionShape, run: z.string(), json: z.boolean().default(false) });

/** `millrace watch`: ends as the run does. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { run } = await findRun(client, input.run);
    const follower = new RunFollower(client, run, context.terminal, input.json);
    await follower.follow(context.interruption.signal);
    await follower.summarise();
    return exitCodeOfRun(follower.progress.status);
  }),
);
