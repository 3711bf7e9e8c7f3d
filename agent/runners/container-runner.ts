/**
 * Runs attempts in containers, through the command line of docker or podman.
 *
 * Containers that nobody wants are removed when the agent starts, and again a little later: whoever was making one when
 * the agent before was killed may finish that after the first look. A container that could not be removed is looked
 * for again, too.
 */
import { asMillraceError, type MillraceError } from "../../shared/model/error.ts";
import { AdoptedContainer } from "./adopted-container.ts";
import { type NotStarted, notStarted } from "./container-creation.ts";
import { ContainerExecution, type ExecutionHost } from "./container-execution.ts";
import { notedExit } from "./container-exit.ts";
import { listContainers, removeByAttempt, removeContainer } from "./container-state.ts";
import type { Engine } from "./engine.ts";
import { launchProblem } from "./launch-file.ts";
import type { Adoption, Execution, Exit, Launch, Runner } from "./runner.ts";

const SWEEP_AGAIN_MS = 60_000;

export interface ContainerRunnerOptions {
  /** Undefined on a host without an engine: every launch is then refused with that reason. */
  readonly engine: Engine | undefined;
  /** Name of the agent; its containers carry it as `millrace.agent`. */
  readonly agent: string;
  /** Its work folder; its containers carry it as `millrace.folder`, and no other agent's do. */
  readonly folder: string;
  /** Attempts that an earlier process of the agent left and that will be adopted; default none. */
  readonly leftovers?: ReadonlySet<string>;
  /** Told of what went wrong beside the jobs, such as a container that could not be removed. */
  readonly onTrouble: (error: MillraceError) => void;
  /** How long a running container's engine may be silent before its attempt ends as unknown. Default one minute. */
  readonly engineGraceMs?: number;
}

/** The runner of jobs with an image. */
export function createContainerRunner(options: ContainerRunnerOptions): Runner {
  return options.engine === undefined ? withoutEngine : new ContainerRunner(options.engine, options);
}

class ContainerRunner implements Runner {
  readonly #host: ExecutionHost;
  /** Attempts whose containers are wanted. */
  readonly #wanted: Set<string>;
  #sweepAgain: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(engine: Engine, options: ContainerRunnerOptions) {
    const { agent, folder, leftovers, engineGraceMs = 60_000 } = options;
    const onTrouble = (error: MillraceError) => {
      options.onTrouble(error);
      this.#sweepLater();
    };
    this.#host = { engine, agent, folder, onTrouble, engineGraceMs, shellless: new Set() };
    this.#wanted = new Set(leftovers);
    void this.#sweepUnwanted();
    this.#sweepLater();
  }

  start(launch: Launch): Promise<Execution> {
    if (launch.image === undefined) return refused("image", "a job in a container needs an image");
    const problem = launchProblem(launch);
    if (problem !== undefined) return refused("workspace", problem);
    return Promise.resolve(
      this.#follow(launch.attempt, new ContainerExecution(this.#host, launch, launch.image)),
    );
  }

  adopt(adoption: Adoption): Execution {
    return this.#follow(adoption.attempt, new AdoptedContainer(this.#host, adoption));
  }

  async sweep(attempt: string): Promise<void> {
    await removeByAttempt(this.#host.engine, attempt);
  }

  /** The engine may have it open: a container takes so long that another log file does not matter. */
  isQuiet(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#sweepAgain);
    return Promise.resolve();
  }

  #follow(attempt: string, execution: Execution): Execution {
    this.#wanted.add(attempt);
    void execution.exit.then(() => this.#wanted.delete(attempt));
    return execution;
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#sweepAgain !== undefined) return;
    this.#sweepAgain = setTimeout(() => {
      this.#sweepAgain = undefined;
      void this.#sweepUnwanted();
    }, SWEEP_AGAIN_MS);
    this.#sweepAgain.unref();
  }

  async #sweepUnwanted(): Promise<void> {
    const { engine, folder, onTrouble } = this.#host;
    try {
      const found = await listContainers(engine, { folder });
      const unwanted = found.filter(({ attempt }) => !this.#wanted.has(attempt));
      await Promise.all(unwanted.map(({ id }) => removeContainer(engine, id)));
    } catch (error) {
      onTrouble(asMillraceError(error, "containers that nobody wants may be left"));
    }
  }
}

const withoutEngine: Runner = {
  start: () => refused("engine", "this host has no container engine that answers"),
  adopt: ({ control }) => ended(notedExit(control) ?? engineGone),
  sweep: () => Promise.resolve(),
  isQuiet: () => Promise.resolve(false),
  close: () => Promise.resolve(),
};

const engineGone: Exit = {
  kind: "unknown",
  message: "the container engine did not answer when its agent came back",
};

function refused(reason: NotStarted["reason"], message: string): Promise<Execution> {
  return Promise.resolve(ended(notStarted(reason, message)));
}

function ended(exit: Exit): Execution {
  return { exit: Promise.resolve(exit), signal: () => Promise.resolve() };
}
