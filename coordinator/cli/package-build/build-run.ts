/** The run of a build: its graph is submitted and followed, and what it makes is staged. */
import type { Client } from "../../../shared/client/client.ts";
import type { GraphSpecInput } from "../../../shared/model/job-spec.ts";
import { checkedOut } from "../../readers/git/git.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import type { PackageRepository } from "../../readers/packages/repository.ts";
import type { CommandContext } from "../command-context.ts";
import { exitCode } from "../exit-code.ts";
import { storeFolder } from "../package-repository.ts";
import { noteReleased, type Releasing, releaseStaged } from "../releasing.ts";
import { printReusePlan } from "../reuse-plan.ts";
import { holdRun, type Placement, type SessionInput, withAgents } from "../run-session.ts";
import { hasNoEngine } from "./build-host.ts";
import { buildName } from "./build-name.ts";
import { writeLogs } from "./log-files.ts";
import { type BuildSettings, packageGraphSpec } from "./package-graph-spec.ts";
import { StagingTarget } from "./staging-target.ts";

/** The options that say how it runs, and where its folders are. */
export interface BuildRunInput extends Omit<SessionInput, "out"> {
  readonly stagingDir?: string | undefined;
  /** Where it is released when nothing has failed. */
  readonly release: Pick<Releasing, "to" | "folder" | "folderOptions"> | undefined;
  readonly sourceCache?: string | undefined;
  readonly verify: boolean;
  readonly verdict: BuildSettings["verdict"];
  readonly network?: string | undefined;
  readonly onHost: boolean;
  /** Logs are written into the configured folder. */
  readonly writeLog: boolean;
  readonly failFast: boolean;
  readonly priority: number;
  readonly reuse: boolean;
  readonly cutoff: boolean;
}

/** Takes the run of planned jobs to its end; resolves with the command's exit status. */
export async function runBuild(
  repository: PackageRepository,
  jobs: readonly PlannedJob[],
  input: BuildRunInput,
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
  const graphOf = graphMaker(repository, jobs, input, context);
  const logDir = input.writeLog ? storeFolder(undefined, config.folders, "logDir") : undefined;
  const status = await holdRun({
    input: { ...input, out: false },
    out: target,
    context,
    tailLines: config.buildErrorLines,
    submit: async (client, placement, stop) => {
      target.run = placement.run;
      const graph = await graphOf(client, placement, stop);
      stop.throwIfAborted();
      await client.submit(graph, { ...placement, ...submission(input) });
    },
    finish: async (client, stop) => {
      if (logDir !== undefined) await writeLogs(client, target.run, jobs, logDir, stop);
    },
  });
  if (!input.json) for (const path of target.paths.sort()) await terminal.print(path);
  for (const conflict of target.conflicts) terminal.note(conflict);
  const isWhole = status === exitCode.succeeded && target.conflicts.length === 0;
  if (input.release !== undefined) await releaseBuild(target, isWhole, input.release, context);
  return status === exitCode.succeeded && !isWhole ? exitCode.checkFailed : status;
}

/** All that the run has made, or nothing where something of it is missing. */
async function releaseBuild(
  target: StagingTarget,
  isWhole: boolean,
  release: NonNullable<BuildRunInput["release"]>,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const { to } = release;
  if (!isWhole) return terminal.note(`nothing was released to ${to}, as not all of it is there`);
  const artifacts = await target.artifacts();
  const how = { ...release, run: target.run, update: false, nonInteractive: true };
  const released = await releaseStaged(artifacts, how, context);
  noteReleased(terminal, to, { released: released?.length ?? 0, chosen: artifacts.length });
}

/** Tells what the build would run and what it would reuse; stores what that takes, and starts nothing. */
export async function tellPlan(
  repository: PackageRepository,
  jobs: readonly PlannedJob[],
  input: BuildRunInput,
  context: CommandContext,
): Promise<void> {
  const graphOf = graphMaker(repository, jobs, input, context);
  const plan = await withAgents(
    { input: { ...input, out: false }, context },
    async (client, placement, stop) => {
      const { pool } = placement;
      const graph = await graphOf(client, placement, stop);
      return await client.plan(graph, { ...submission(input), ...(pool === undefined ? {} : { pool }) });
    },
  );
  await printReusePlan(context.terminal, plan, input.json);
}

/** What is said to the coordinator beside the graph. */
function submission({ failFast, priority, reuse, cutoff }: BuildRunInput) {
  return { keepGoing: !failFast, priority, reuse, cutoff };
}

/** Stores what the jobs need, and decides whether they run in containers. */
function graphMaker(
  { config, root }: PackageRepository,
  jobs: readonly PlannedJob[],
  input: BuildRunInput,
  { terminal }: CommandContext,
): (client: Client, placement: Placement, stop: AbortSignal) => Promise<GraphSpecInput> {
  const needsCache = jobs.some((job) => job.package.sources.length > 0);
  const sourceCache = needsCache ? storeFolder(input.sourceCache, config.folders, "sourceCache") : "";
  return async (client, placement, stop) => {
    const wantsImage = !input.onHost && jobs.some(({ image }) => image !== undefined);
    const onHost = input.onHost || (wantsImage && (await hasNoEngine(client, placement, stop)));
    if (onHost && wantsImage) terminal.note("note: no agent has a container engine: jobs run on the host");
    const { verify, verdict, network } = input;
    const settings = { name: buildName(jobs), root, sourceCache, verify, verdict, network, onHost };
    return await packageGraphSpec(client, jobs, settings, stop);
  };
}
