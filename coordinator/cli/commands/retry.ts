import { z } from "zod";
import type { Client } from "../../../shared/client/client.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { namedServer, withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { OutFolder } from "../out-folder.ts";
import { findRun } from "../run-reference.ts";
import { holdRun, refuseLocalOptions, sessionShape } from "../run-session.ts";
import { userName } from "../user-name.ts";

const schema = z.object({ ...sessionShape, run: z.string(), detach: z.boolean().default(false) });

/** `millrace retry`: what of an ended run failed, was blocked or cancelled, as a new run, from start to end. */
export const command = defineCommand(schema, async (input, context) => {
  refuseLocalOptions(input, context);
  const { terminal } = context;
  if (input.detach) {
    if (namedServer(input, context) === undefined) throw undetachable();
    return await withCluster(input, context, async (client) => {
      const { run: earlier } = await findRun(client, input.run);
      const { run } = await client.retry(earlier, { submitter: userName() });
      await terminal.print(run);
      return exitCode.succeeded;
    });
  }
  const out = input.out === false ? undefined : await OutFolder.open(input.out);
  return await holdRun({
    input,
    out,
    context,
    submit: async (client, placement, stop) => {
      const { run: earlier } = await findRun(client, input.run);
      await out?.refuseStrangers(await jobNames(client, earlier));
      stop.throwIfAborted();
      await client.retry(earlier, placement);
    },
  });
});

async function jobNames(client: Client, run: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { job } of client.graph(run)) names.push(job);
  return names;
}

function undetachable(): MillraceError {
  return new MillraceError(
    "badInput",
    "--detach needs a server: on the local cluster agents go with their command",
    {
      fix: "Leave it out, or name a cluster with --server or MILLRACE_SERVER.",
    },
  );
}
