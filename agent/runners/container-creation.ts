/** From a launch to a container that is made and not started: its files, its image, its creation. */
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createArguments } from "./container-arguments.ts";
import { launchFiles, wrapperScript } from "./container-wrapper.ts";
import { type Engine, engineAnswers } from "./engine.ts";
import { askEngine, type EngineReply } from "./engine-command.ts";
import { makeVolumeFolders } from "./layer-volumes.ts";
import { writeProgram } from "./program-file.ts";
import type { Exit, Launch } from "./runner.ts";

export type NotStarted = Extract<Exit, { kind: "notStarted" }>;

export interface Created {
  readonly kind: "created";
  readonly id: string;
}

/** What is the same for every container of an agent. */
export interface ContainerHost {
  readonly engine: Engine;
  readonly agent: string;
  /** The agent's work folder. */
  readonly folder: string;
}

/** Writes the wrapper and the script, if there is one, into the launch's control folder. */
export async function writeLaunchFiles(launch: Launch): Promise<void> {
  await mkdir(launchFolder(launch), { recursive: true });
  await writeFile(launchFile(launch, "wrapper"), wrapperScript);
  if ("script" in launch.command) await writeFile(launchFile(launch, "script"), launch.command.script);
  writeProgram(launch);
  if (launch.packageRoot !== undefined) makeVolumeFolders(launch.packageRoot);
}

/** One of those files, or the one the wrapper makes. */
export function launchFile(launch: Pick<Launch, "control">, name: keyof typeof launchFiles): string {
  return join(launchFolder(launch), launchFiles[name]);
}

/**
 * Makes the container; pulls its image first if it is not there. Only the pull ends early with `giveUp`: a creation
 * whose client is gone may still come to pass, unseen.
 */
export async function createContainer(
  host: ContainerHost,
  launch: Launch,
  image: string,
  options: { readonly wrapped: boolean; readonly giveUp: AbortSignal },
): Promise<Created | NotStarted> {
  const { engine, agent, folder } = host;
  const args = createArguments(engine, {
    launch,
    image,
    agent,
    folder,
    launchFolder: launchFolder(launch),
    wrapped: options.wrapped,
    processors: availableParallelism(),
  });
  const first = await askEngine(engine.binary, args);
  if (first.ok) return created(first);
  if (!(await engineAnswers(engine))) {
    return notStarted("engine", `${engine.kind} does not answer: ${first.words}`);
  }
  if (await hasImage(engine, image)) return refusedBy(engine, first);
  const pull = await askEngine(engine.binary, ["pull", "--quiet", "--", image], {
    timeoutMs: null,
    cancelSignal: options.giveUp,
  });
  if (!pull.ok) {
    return notStarted("image", `image '${image}' is not here and could not be pulled: ${pull.words}`);
  }
  const second = await askEngine(engine.binary, args);
  return second.ok ? created(second) : refusedBy(engine, second);
}

export function notStarted(reason: NotStarted["reason"], message: string): NotStarted {
  return { kind: "notStarted", reason, message };
}

async function hasImage(engine: Engine, image: string): Promise<boolean> {
  return (await askEngine(engine.binary, ["image", "inspect", "--format", "{{.Id}}", "--", image])).ok;
}

function created(reply: EngineReply): Created {
  return { kind: "created", id: reply.answer.trim() };
}

function refusedBy(engine: Engine, reply: EngineReply): NotStarted {
  return notStarted("engine", `${engine.kind} refused the container: ${reply.words}`);
}

function launchFolder(launch: Pick<Launch, "control">): string {
  return join(launch.control, "container");
}
