import { z } from "zod";
import { setupServer, setupWays } from "../../../shared/bus/embedded/setup.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";

const schema = z.object({ via: z.enum(setupWays).default("auto") });

/** `millrace setup`: makes a NATS server available to local runs, saying what it does. */
export const command = defineCommand(schema, async ({ via }, { terminal, environment }) => {
  await setupServer({ via, environment, say: (line) => terminal.note(line) });
  return exitCode.succeeded;
});
