/** From the words of `millrace build` to its jobs, checked by all that can be known before they run. */
import { MillraceError } from "../../../shared/model/error.ts";
import type { Pairs } from "../../../shared/model/job-spec.ts";
import { authorName, changedSince, checkedOut } from "../../readers/git/git.ts";
import { variableObstacle } from "../../readers/packages/build-environment.ts";
import { type PlannedJob, planBuild } from "../../readers/packages/build-plan.ts";
import { type Package, packageTitle } from "../../readers/packages/package.ts";
import { PackageIndex } from "../../readers/packages/package-index.ts";
import { mistakes, type PackageRepository } from "../../readers/packages/repository.ts";
import { formatProblem, type Problem } from "../../readers/source-text.ts";
import type { CommandContext } from "../command-context.ts";
import { buildImages, buildVariables, namedPackages, type TargetInput, targetsIn } from "./build-targets.ts";
import { lintScripts, phaseFindings } from "./script-linting.ts";

/** The options that say what is built. */
export interface BuildWords extends TargetInput {
  readonly image: readonly string[];
  readonly env: readonly string[];
  readonly shebang?: string | undefined;
}

/** The jobs of a build, planned for each image; throws `badInput` with all that is wrong with them. */
export async function requestedJobs(
  repository: PackageRepository,
  input: BuildWords,
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
  const problems = new Map<string, Problem>();
  for (const image of images) {
    const { roots, leftOut } =
      named.length > 0
        ? { roots: named, leftOut: [] }
        : targetsIn(repository, index, { image, env }, changed);
    if (leftOut.length > 0)
      context.terminal.note(`left out, as ${image} is not for them: ${listed(leftOut)}`);
    const { shebang } = input;
    const planning = await planBuild(repository, index, { roots, images: [image], env, facts, shebang });
    if (planning.ok) jobs.push(...planning.jobs);
    else for (const problem of planning.problems) problems.set(formatProblem(problem), problem);
  }
  if (problems.size > 0) throw mistakes([...problems.values()]);
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
export async function refuseUnclean(
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
