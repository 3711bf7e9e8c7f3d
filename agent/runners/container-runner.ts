/** Runs attempts in containers, through the command line of docker or podman. */
import type { MillraceError } from "../../shared/model/error.ts";
import { type NotStarted, notStarted } from "./container-creation.ts";
import { ContainerExecution, type ExecutionHost } from "./container-execution.ts";
import { removeByAttempt } from "./container-state.ts";
import type { Engine } from "./engine.ts";
import { launchProblem } from "./launch-file.ts";
import type { Execution, Launch, Runner } from "./runner.ts";

export interface ContainerRunnerOptions {
  /** Undefined on a host without an engine: every launch is then refused with that reason. */
  readonly engine: Engine | undefined;
  /** Name of the agent; its containers carry it as `millrace.agent`. */
  readonly agent: string;
  /** Told of what went wrong beside the jobs, such as a container that could not be removed. */
  readonly onTrouble: (error: MillraceError) => void;
  /** How long a running container's engine may be silent before its attempt ends as unknown. Default one minute. */
  readonly engineGraceMs?: number;
}

/** The runner of jobs with an image. It keeps nothing of its own: what is left of a lost agent is found by label. */
export function createContainerRunner(options: ContainerRunnerOptions): Runner {
  const { engine, agent, onTrouble, engineGraceMs = 60_000 } = options;
  const host: ExecutionHost | undefined =
    engine === undefined ? undefined : { engine, agent, onTrouble, engineGraceMs, shellless: new Set() };
  return {
    start: (launch) => Promise.resolve(start(host, launch)),
    async sweep(attempt) {
      if (engine !== undefined) await removeByAttempt(engine, attempt);
    },
    close: () => Promise.resolve(),
  };
}

function start(host: ExecutionHost | undefined, launch: Launch): Execution {
  if (launch.image === undefined) return refused("image", "a job in a container needs an image");
  if (host === undefined) return refused("engine", "this host has no container engine that answers");
  const problem = launchProblem(launch);
  if (problem !== undefined) return refused("workspace", problem);
  return new ContainerExecution(host, launch, launch.image);
}

function refused(reason: NotStarted["reason"], message: string): Execution {
  return { exit: Promise.resolve(notStarted(reason, message)), signal: () => Promise.resolve() };
}
