import { z } from "zod";
import { MillraceError } from "../../../shared/model/error.ts";
import type { GraphSpecInput, Pairs } from "../../../shared/model/job-spec.ts";
import { authorName, changedSince, checkedOut } from "../../readers/git/git.ts";
import { variableObstacle } from "../../readers/packages/build-environment.ts";
import { type PlannedJob, planBuild } from "../../readers/packages/build-plan.ts";
import { type Package, packageTitle } from "../../readers/packages/package.ts";
import { PackageIndex } from "../../readers/packages/package-index.ts";
import { mistakes, type PackageRepository } from "../../readers/packages/repository.ts";
import type { CommandContext } from "../command-context.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { priorityValue } from "../option-values.ts";
import { hasNoEngine } from "../package-build/build-host.ts";
import {
  buildImages,
  buildVariables,
  namedPackages,
  refuseUnclearTargets,
  targetsIn,
} from "../package-build/build-targets.ts";
import { packageGraphSpec } from "../package-build/package-graph-spec.ts";
import { lintScripts, phaseFindings } from "../package-build/script-linting.ts";
import { StagingTarget } from "../package-build/staging-target.ts";
import { openPackages, storeFolder } from "../package-repository.ts";
import { printPlan } from "../plan.ts";
import { holdRun, refuseLocalOptions, sessionShape } from "../run-session.ts";

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
  releasesDir: z.string().min(1).optional(),
  sourceCache: z.string().min(1).optional(),
  verify: z.boolean().default(true),
  lint: z.boolean().default(true),
  reuse: z.boolean().default(true),
  cutoff: z.boolean().default(true),
  plan: z.boolean().default(false),
  onHost: z.boolean().default(false),
  network: z.string().min(1).optional(),
  shebang: z.string().startsWith("#!", "must begin with #!").optional(),
  verdict: z.enum(["both", "marks"]).default("both"),
  priority: priorityValue.default(500),
  failFast: z.boolean().default(false),
});
type BuildInput = z.output<typeof schema>;

/** `millrace build`: packages with all that they need, on one image or several. */
export const command = defineCommand(schema, async (input, context) => {
  refuseUnclearTargets(input);
  refuseLocalOptions({ ...input, out: false }, context);
  const repository = await openPackages(input, context);
  const jobs = await plannedJobs(repository, input, context);
  if (jobs.length === 0) {
    context.terminal.note("there is nothing to build");
    return exitCode.succeeded;
  }
  if (input.plan) {
    await printPlan(context.terminal, { jobs: jobs.map(outlined) }, input.json);
    return exitCode.succeeded;
  }
  if (input.lint) await refuseUnclean(repository, jobs, context);
  return await runJobs(repository, jobs, input, context);
});

async function plannedJobs(
  repository: PackageRepository,
  input: BuildInput,
  context: CommandContext,
): Promise<readonly PlannedJob[]> {
  const { config, root, packages } = repository;
  const index = new PackageIndex(packages);
  const images = buildImages(config, input.image);
  const env = buildVariables(config, input.env, context.environment);
  const facts = await repositoryFacts(repository);
  const named = namedPackages(index, input.packages);
  const changed = input.affectedBy === undefined ? undefined : await changedSince(root, input.affectedBy);
  const jobs: PlannedJob[] = [];
  for (const image of images) {
    const { roots, leftOut } =
      named.length > 0
        ? { roots: named, leftOut: [] }
        : targetsIn(repository, index, { image, env }, changed);
    if (leftOut.length > 0)
      context.terminal.note(`left out, as ${image} is not for them: ${listed(leftOut)}`);
    const { shebang } = input;
    const planning = await planBuild(repository, index, { roots, images: [image], env, facts, shebang });
    if (!planning.ok) throw mistakes(planning.problems);
    jobs.push(...planning.jobs);
  }
  return jobs;
}

const SHOWN_PACKAGES = 20;

function listed(packages: readonly Package[]): string {
  const shown = packages.slice(0, SHOWN_PACKAGES).map(packageTitle);
  if (shown.length < packages.length) shown.push(`${packages.length - shown.length} more`);
  return shown.join(", ");
}

/** What the configuration wants jobs to know of the repository. */
async function repositoryFacts({ config, root }: PackageRepository): Promise<Pairs> {
  const { gitAuthorVariable, gitCommitVariable } = config;
  const facts: Pairs = [];
  const set = (variable: string, value: string | undefined): void => {
    const obstacle = variableObstacle(config, variable);
    if (obstacle !== undefined) throw new MillraceError("badInput", obstacle);
    if (value !== undefined) facts.push([variable, value]);
  };
  if (gitAuthorVariable !== undefined) set(gitAuthorVariable, await authorName(root));
  if (gitCommitVariable !== undefined) set(gitCommitVariable, (await checkedOut(root))?.commit);
  return facts;
}

/** Refuses scripts that the configured linter does not accept; without one there is nothing to check. */
async function refuseUnclean(
  { root, config }: PackageRepository,
  jobs: readonly PlannedJob[],
  { terminal }: CommandContext,
): Promise<void> {
  if (config.scriptLinter === undefined) return;
  const scripts = [...new Map(jobs.map((job) => [job.package, job])).values()];
  const phases = scripts.flatMap((job) => phaseFindings(job.package, config.availablePhases));
  const findings = await lintScripts(root, config.scriptLinter, scripts);
  for (const { package: item, text } of findings) terminal.note(`${packageTitle(item)}:\n${text}`);
  for (const finding of phases) terminal.note(finding);
  const count = findings.length + phases.length;
  if (count === 0) return;
  throw new MillraceError("badInput", `the linter found ${count === 1 ? "a mistake" : `${count} mistakes`}`, {
    fix: "Mend the scripts, or build with --no-lint.",
  });
}

async function runJobs(
  repository: PackageRepository,
  jobs: readonly PlannedJob[],
  input: BuildInput,
  context: CommandContext,
): Promise<number> {
  const { config, root } = repository;
  const { terminal } = context;
  for (const note of config.notes) terminal.note(`note: ${note}`);
  const git = await checkedOut(root);
  const target = new StagingTarget({
    staging: storeFolder(input.stagingDir, config.folders, "staging"),
    root,
    jobs,
    commit: git?.isClean === true ? git.commit : null,
  });
  const needsCache = jobs.some((job) => job.package.sources.length > 0);
  const settings = {
    name: buildName(jobs),
    root,
    sourceCache: needsCache ? storeFolder(input.sourceCache, config.folders, "sourceCache") : "",
    verify: input.verify,
    verdict: input.verdict,
    network: input.network,
  };
  const status = await holdRun({
    input: { ...input, out: false },
    out: target,
    context,
    submit: async (client, placement, stop) => {
      target.run = placement.run;
      const wantsImage = !input.onHost && jobs.some(({ image }) => image !== undefined);
      const onHost = input.onHost || (wantsImage && (await hasNoEngine(client, placement, stop)));
      if (onHost && !input.onHost)
        terminal.note("note: no agent has a container engine: jobs run on the host");
      const graph = await packageGraphSpec(client, jobs, { ...settings, onHost }, stop);
      stop.throwIfAborted();
      const { failFast, priority, reuse, cutoff } = input;
      await client.submit(graph, { ...placement, keepGoing: !failFast, priority, reuse, cutoff });
    },
  });
  if (!input.json) for (const path of target.paths.sort()) await terminal.print(path);
  return status;
}

const MAX_NAME = 200;

/** `build a 1, b 2`: the packages that nothing else of the build needs. */
function buildName(jobs: readonly PlannedJob[]): string {
  const needed = new Set(jobs.flatMap(({ needs }) => needs));
  const roots = new Set<Package>();
  for (const job of jobs) if (!needed.has(job.name)) roots.add(job.package);
  const name = [...roots].map(packageTitle).join(", ");
  return name.length <= MAX_NAME ? name : `${roots.size} packages`;
}

/** A job as a plan shows it. */
function outlined({ name, needs, image, script }: PlannedJob): GraphSpecInput["jobs"][number] {
  return {
    name,
    needs: needs.map((job) => ({ job, transitive: true })),
    run: { program: script },
    ...(image === undefined ? {} : { image }),
  };
}
