/** From a launch to the arguments of `docker create` or `podman create`. Pure. */
import type { Command } from "../../shared/model/job-spec.ts";
import { launchFiles, place, wrapperPath } from "./container-wrapper.ts";
import type { Engine } from "./engine.ts";
import { layerVolumes } from "./layer-volumes.ts";
import { packageCommand, packagePaths } from "./package-paths.ts";
import type { Launch } from "./runner.ts";

/** Whose container it is, by label: `millrace.attempt` is what a returning agent looks for. */
export const label = {
  attempt: "millrace.attempt",
  run: "millrace.run",
  job: "millrace.job",
  agent: "millrace.agent",
  folder: "millrace.folder",
} as const;

export interface ContainerPlan {
  readonly launch: Launch;
  readonly image: string;
  readonly agent: string;
  /** The agent's work folder: names may be used again in another namespace, folders are one agent's own. */
  readonly folder: string;
  /** Host folder with the wrapper and the script. */
  readonly launchFolder: string;
  /** False for an image without a shell: its command starts bare and is not measured. */
  readonly wrapped: boolean;
  /** Processors of this host: an engine refuses a limit above them. */
  readonly processors: number;
}

/** Everything after the engine's name; the container is made, not started. */
export function createArguments(engine: Engine, plan: ContainerPlan): string[] {
  const { launch } = plan;
  const [entrypoint, ...rest] = commandLine(launch, plan.wrapped);
  return [
    "create",
    "--pull=never",
    "--init",
    ...(launch.packageRoot === undefined ? engine.userOptions : engine.rootOptions),
    ...labels(plan).flatMap((pair) => ["--label", pair]),
    ...logDriver(engine),
    ...limits(launch, plan.processors),
    ...(launch.network === undefined ? [] : [`--network=${launch.network}`]),
    ...(launch.packageRoot === undefined ? workspace(launch) : []),
    ...(launch.packageRoot?.layers === undefined ? [] : layerVolumes(launch.packageRoot.layers)),
    ...(launch.sources === undefined ? [] : mount(launch.sources, place.sources, "readOnly")),
    ...(plan.wrapped ? mount(plan.launchFolder, place.launch, "readWrite") : []),
    ...environment(launch).flatMap((variable) => ["--env", variable]),
    `--entrypoint=${entrypoint}`,
    "--",
    plan.image,
    ...rest,
  ];
}

/** The folder that it works in, and what is mounted beside it; a job of a package has its image's folder. */
function workspace(launch: Launch): string[] {
  return [
    `--workdir=${place.workspace}`,
    ...mount(launch.workspace, place.workspace, "readWrite"),
    ...(launch.inputs === undefined ? [] : mount(launch.inputs, place.inputs, "readOnly")),
    ...("program" in launch.command ? mount(launch.program, place.program, "readOnly") : []),
  ];
}

function commandLine({ command, packageRoot }: Launch, wrapped: boolean): [string, ...string[]] {
  const argv = packageRoot === undefined ? wordsOf(command) : packageCommand(command);
  if (wrapped) return ["/bin/sh", wrapperPath, ...argv];
  const [program = "", ...args] = argv;
  return [program, ...args];
}

function wordsOf(command: Command): readonly string[] {
  if ("script" in command) return ["/bin/sh", "-e", `${place.launch}/${launchFiles.script}`];
  return "argv" in command ? command.argv : [place.program];
}

/** `<run>/<job>/<attempt>/<lease>` is the attempt; run and job are there for people and filters. */
function labels({ launch: { attempt }, agent, folder }: ContainerPlan): string[] {
  const [run = "", job = ""] = attempt.split("/");
  return [
    `${label.attempt}=${attempt}`,
    `${label.run}=${run}`,
    `${label.job}=${job}`,
    `${label.agent}=${agent}`,
    `${label.folder}=${folder}`,
  ];
}

/**
 * The engine keeps a copy of the output, from which a lost client's part is made good; it is bounded. Docker's default
 * driver is not, and it does not keep bytes that are not UTF-8.
 */
function logDriver(engine: Engine): string[] {
  if (engine.kind === "podman") return ["--log-driver=k8s-file"];
  const options = ["max-size=100m", "max-file=2", "compress=false"];
  return ["--log-driver=local", ...options.flatMap((option) => ["--log-opt", option])];
}

/** As much memory with swap as without: a job over its limit ends at once instead of paging for hours. */
function limits(launch: Launch, processors: number): string[] {
  const { cpu, memoryBytes } = launch;
  const options: string[] = [];
  if (cpu !== undefined) options.push(`--cpus=${Math.min(Math.max(cpu, 0.01), processors)}`);
  if (memoryBytes !== undefined) options.push(`--memory=${memoryBytes}`, `--memory-swap=${memoryBytes}`);
  return options;
}

/** `--mount` takes one line of CSV, so a quoted field carries any path; a missing source is an error, not a folder. */
function mount(source: string, target: string, mode: "readOnly" | "readWrite"): string[] {
  const field = `"source=${source.replaceAll('"', '""')}"`;
  return ["--mount", `type=bind,${field},target=${target}${mode === "readOnly" ? ",readonly" : ""}`];
}

/** What Millrace sets comes last and wins: paths are the container's. tini then signals the whole process group. */
function environment(launch: Launch): string[] {
  return [
    ...launch.environment.map(([key, value]) => `${key}=${value}`),
    `MILLRACE_ATTEMPT=${launch.attempt}`,
    ...(launch.packageRoot === undefined
      ? workspaceVariables(launch)
      : [`MILLRACE_INPUTS=${packagePaths.inputs}`]),
    ...(launch.sources === undefined ? [] : [`MILLRACE_SOURCE=${place.sources}`]),
    "TINI_KILL_PROCESS_GROUP=1",
  ];
}

function workspaceVariables({ inputs }: Launch): string[] {
  return [
    `MILLRACE_WORKSPACE=${place.workspace}`,
    ...(inputs === undefined ? [] : [`MILLRACE_INPUTS=${place.inputs}`]),
  ];
}
