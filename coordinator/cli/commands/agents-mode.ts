import { z } from "zod";
import type { AgentMode } from "../../../shared/client/index.ts";
import { withCluster } from "../cluster.ts";
import type { CommandModule } from "../command-module.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { connectionShape } from "../option-values.ts";

const schema = z.object({ ...connectionShape, agent: z.string() });

/** `millrace agents drain`: it finishes what it has. */
export const drain = modeCommand("draining");
/** `millrace agents hold`: it gets nothing new. */
export const hold = modeCommand("held");
/** `millrace agents resume`: it works again. */
export const resume = modeCommand("active");

function modeCommand(mode: AgentMode): CommandModule {
  const command = defineCommand(schema, async (input, context) =>
    withCluster(input, context, async (client) => {
      await client.setMode(input.agent, mode);
      context.terminal.note(`agent ${input.agent} is ${mode} now`);
      return exitCode.succeeded;
    }),
  );
  return { command };
}
