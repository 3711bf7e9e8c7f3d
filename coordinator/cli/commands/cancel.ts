import { z } from "zod";
import type { Client } from "../../../shared/client/client.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { connectionShape } from "../option-values.ts";
import { findRun } from "../run-reference.ts";
import type { Terminal } from "../terminal.ts";
import { userName } from "../user-name.ts";

const schema = z
  .object({
    ...connectionShape,
    run: z.string().optional(),
    job: z.string().optional(),
    submitter: z.string().min(1).max(200).optional(),
    reason: z.string().max(500).optional(),
    json: z.boolean().default(false),
  })
  .refine(({ run, submitter }) => (run === undefined) !== (submitter === undefined), {
    path: ["run"],
    message: "or --submitter is needed, and not both",
  });
type CancelInput = z.output<typeof schema>;

/** `millrace cancel`: resolves when the cancelling is on record, not when all has ended. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    const { run, submitter } = input;
    if (run !== undefined) await cancelOne(client, terminal, run, input);
    if (submitter !== undefined) await cancelAll(client, terminal, submitter, input);
    return exitCode.succeeded;
  }),
);

async function cancelOne(
  client: Client,
  terminal: Terminal,
  reference: string,
  input: CancelInput,
): Promise<void> {
  const { run } = await findRun(client, reference);
  const { job } = input;
  const answer = await client.cancel(run, { ...explained(input), ...(job === undefined ? {} : { job }) });
  if (input.json) return printJson(terminal, { run, ...(job === undefined ? {} : { job }), ...answer });
  const what = job === undefined ? `run ${run}` : `job ${job} of run ${run}`;
  const result = job === undefined ? `had ended before: ${answer.status}` : "had ended before";
  terminal.note(`${what} ${answer.cancelled ? "is cancelled" : result}`);
}

async function cancelAll(
  client: Client,
  terminal: Terminal,
  submitter: string,
  input: CancelInput,
): Promise<void> {
  const cancelled = [];
  for await (const answer of client.cancelAll({ submitter }, explained(input))) {
    cancelled.push(answer);
    if (!input.json) terminal.note(`run ${answer.run} is cancelled`);
  }
  if (input.json) return printJson(terminal, cancelled);
  if (cancelled.length === 0) terminal.note(`no run of ${submitter} lives`);
}

function explained({ reason }: CancelInput): { by: string; reason?: string } {
  return { by: userName(), ...(reason === undefined ? {} : { reason }) };
}
