import { z } from "zod";
import type { GraphSpecInput } from "../../../shared/model/job-spec.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { optionsOf, submissionShape } from "../option-values.ts";
import { OutFolder } from "../out-folder.ts";
import { readRunInput, withSources } from "../run-input.ts";
import { holdRun, refuseLocalOptions, sessionShape, withAgents } from "../run-session.ts";

const schema = z.object({
  ...submissionShape,
  ...sessionShape,
  dryRun: z.boolean().default(false),
  plan: z.boolean().default(false),
});

/** `millrace run`: a graph from start to end. */
export const command = defineCommand(schema, async (input, context) => {
  refuseLocalOptions(input, context);
  const runInput = await readRunInput(input, context.terminal);
  if (runInput === undefined) return exitCode.usage;
  if (input.dryRun) {
    const { printPlan } = await import("../plan.ts");
    await printPlan(context.terminal, runInput.graph, input.json);
    return exitCode.succeeded;
  }
  if (input.plan) {
    const plan = await withAgents({ input, context }, async (client, { pool }) => {
      const graph = await withSources(client, runInput);
      return await client.plan(graph, { ...optionsOf(input), ...(pool === undefined ? {} : { pool }) });
    });
    const { printReusePlan } = await import("../reuse-plan.ts");
    await printReusePlan(context.terminal, plan, input.json);
    return exitCode.succeeded;
  }
  const out = input.out === false ? undefined : await OutFolder.open(input.out);
  await out?.refuseStrangers(
    runInput.graph.jobs.filter(({ outputs = [] }) => outputs.length > 0).map(({ name }) => name),
  );
  return await holdRun({
    input,
    out,
    context,
    isShellOnly: isShellOnly(runInput.graph),
    submit: async (client, placement, stop) => {
      const graph = await withSources(client, runInput);
      stop.throwIfAborted();
      await client.submit(graph, { ...placement, ...optionsOf(input) });
    },
  });
});

function isShellOnly({ jobs }: GraphSpecInput): boolean {
  return jobs.every(({ image, layout }) => image === undefined && layout !== "package");
}
