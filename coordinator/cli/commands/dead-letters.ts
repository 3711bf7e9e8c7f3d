import { z } from "zod";
import type { DeadLetter } from "../../../shared/client/index.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printable } from "../format/display-width.ts";
import { connectionShape } from "../option-values.ts";

const schema = z.object({ ...connectionShape, json: z.boolean().default(false) });

/** `millrace dead-letters`: what is refused from now on, until it is interrupted, which is its ordinary end. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal, interruption } = context;
    for await (const letter of client.deadLetters({ signal: interruption.signal })) {
      await terminal.print(input.json ? JSON.stringify(letter) : deadLetterLine(letter));
    }
    return exitCode.succeeded;
  }),
);

/** A dead letter as one line: when, why, what for, whose it was to take, and how it begins. */
export function deadLetterLine({ at, reason, node, target, suppressed, ...letter }: DeadLetter): string {
  const size = letter.bytes === undefined ? "" : ` ${letter.bytes} bytes`;
  const start = letter.text ?? letter.base64 ?? "";
  const more = suppressed === 0 ? "" : ` (${suppressed} more before it)`;
  return printable(`${at} ${reason} ${target} at ${node}${size}${more} ${start.slice(0, 80)}`.trimEnd());
}
