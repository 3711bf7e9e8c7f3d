import { z } from "zod";
import { completionScript } from "../completion/completion-script.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";

const schema = z.object({ shell: z.enum(["bash", "zsh", "fish"]) });

/** `millrace completion`: a script for the shell to source. */
export const command = defineCommand(schema, async ({ shell }, { terminal, catalogue }) => {
  await terminal.write(completionScript(shell, catalogue));
  return exitCode.succeeded;
});
