import { z } from "zod";
import type { JobArtifact } from "../../../shared/client/index.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { connectionShape } from "../option-values.ts";
import { OutFolder } from "../out-folder.ts";
import { findRun } from "../run-reference.ts";

const schema = z.object({
  ...connectionShape,
  run: z.string(),
  job: z.string().optional(),
  out: z.string().min(1).default("out"),
});

/** `millrace artifacts get`: the same folders that `millrace run` makes. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { run } = await findRun(client, input.run);
    const found: JobArtifact[] = [];
    for await (const artifact of client.listArtifacts(run, input.job)) found.push(artifact);
    if (found.length === 0 && input.job !== undefined) {
      throw new MillraceError("notFound", `job ${JSON.stringify(input.job)} of run ${run} has no artifact`, {
        fix: `millrace artifacts list ${run} shows which jobs have one.`,
      });
    }
    const out = await OutFolder.open(input.out);
    await out.refuseStrangers(found.map(({ job }) => job));
    try {
      for (const { job, artifact } of found) await out.replace(client, job, artifact);
    } finally {
      await out.close();
    }
    context.terminal.note(
      `artifacts of ${found.length} ${found.length === 1 ? "job" : "jobs"} in ${out.path}`,
    );
    return exitCode.succeeded;
  }),
);
