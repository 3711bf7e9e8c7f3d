import { stat } from "node:fs/promises";
import { z } from "zod";
import { type DrawnJob, drawGraph } from "../../../shared/model/graph-drawing.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { connectionShape } from "../option-values.ts";
import { readRunInput } from "../run-input.ts";
import { findRun } from "../run-reference.ts";

const schema = z.object({
  ...connectionShape,
  source: z.string(),
  format: z.enum(["dot", "mermaid", "json"]).default("dot"),
});

/** `millrace graph`: of a file where there is one of that name, else of a run. */
export const command = defineCommand(schema, async (input, context) => {
  const { source, format } = input;
  const { terminal } = context;
  if (looksLikeFile(source) || (await isFile(source))) {
    const runInput = await readRunInput({ file: source, jobs: [], var: [] }, terminal);
    if (runInput === undefined) return exitCode.usage;
    const jobs = runInput.graph.jobs.map(({ name, needs = [] }) => ({
      job: name,
      needs: needs.map(({ job }) => job),
    }));
    await terminal.write(drawGraph(jobs, format));
    return exitCode.succeeded;
  }
  return await withCluster(input, context, async (client) => {
    const { run } = await findRun(client, source);
    const jobs: DrawnJob[] = [];
    for await (const job of client.graph(run)) jobs.push(job);
    await terminal.write(drawGraph(jobs, format));
    return exitCode.succeeded;
  });
});

/** No run id has a dot or a slash, so what has one is a file, though it may be missing. */
function looksLikeFile(source: string): boolean {
  return /[./]/.test(source);
}

async function isFile(source: string): Promise<boolean> {
  return (await stat(source).catch(() => undefined))?.isFile() === true;
}
