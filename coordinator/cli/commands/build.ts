import { z } from "zod";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { priorityValue } from "../option-values.ts";
import { refuseUnclean, requestedJobs } from "../package-build/build-request.ts";
import { runBuild, tellPlan } from "../package-build/build-run.ts";
import { refuseUnclearTargets } from "../package-build/build-targets.ts";
import { outlinedGraph } from "../package-build/package-graph-spec.ts";
import { openPackages } from "../package-repository.ts";
import { printPlan } from "../plan.ts";
import { buildRelease } from "../release-choice.ts";
import { refuseLocalOptions, sessionShape } from "../run-session.ts";

const { out: _out, ...session } = sessionShape;

const schema = z.object({
  ...session,
  repo: z.string().min(1).optional(),
  packages: z.array(z.string()).default([]),
  image: z.array(z.string().min(1)).default([]),
  env: z.array(z.string()).default([]),
  all: z.boolean().default(false),
  affectedBy: z.string().min(1).optional(),
  stagingDir: z.string().min(1).optional(),
  release: z.string().min(1).optional(),
  releasesDir: z.string().min(1).optional(),
  sourceCache: z.string().min(1).optional(),
  verify: z.boolean().default(true),
  lint: z.boolean().default(true),
  reuse: z.boolean().default(true),
  cutoff: z.boolean().default(true),
  dryRun: z.boolean().default(false),
  plan: z.boolean().default(false),
  writeLog: z.boolean().default(false),
  onHost: z.boolean().default(false),
  network: z.string().min(1).optional(),
  shebang: z.string().startsWith("#!", "must begin with #!").optional(),
  verdict: z.enum(["both", "marks"]).default("both"),
  priority: priorityValue.default(500),
  failFast: z.boolean().default(false),
});

/** `millrace build`: packages with all that they need, on one image or several. */
export const command = defineCommand(schema, async (input, context) => {
  refuseUnclearTargets(input);
  refuseLocalOptions({ ...input, out: false }, context);
  const repository = await openPackages(input, context);
  const release = buildRelease(input, repository.config);
  const jobs = await requestedJobs(repository, input, context);
  if (jobs.length === 0) {
    context.terminal.note("there is nothing to build");
    return exitCode.succeeded;
  }
  if (input.dryRun) {
    await printPlan(context.terminal, outlinedGraph(jobs), input.json);
    return exitCode.succeeded;
  }
  if (input.lint) await refuseUnclean(repository, jobs, context);
  if (input.plan) {
    await tellPlan(repository, jobs, { ...input, release }, context);
    return exitCode.succeeded;
  }
  return await runBuild(repository, jobs, { ...input, release }, context);
});
