/** What an engine knows of a container, and what that means for the attempt that ran in it. */
import { z } from "zod";
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";
import { label } from "./container-arguments.ts";
import { type Measured, wrapperPath } from "./container-wrapper.ts";
import type { Engine } from "./engine.ts";
import { askEngine } from "./engine-command.ts";
import { exitOfStatus } from "./exit-status.ts";
import { imageDigest } from "./image-digest.ts";
import type { Exit } from "./runner.ts";

const inspectedSchema = z.object({
  labels: z.record(z.string(), z.string()).nullable(),
  command: z.array(z.string()).nullable(),
  image: z.string(),
  state: z.object({
    Status: z.string(),
    OOMKilled: z.boolean(),
    ExitCode: z.number().int(),
    Error: z.string().default(""),
    StartedAt: z.string(),
    FinishedAt: z.string(),
  }),
});
const inspectFormat =
  '{"labels":{{json .Config.Labels}},"command":{{json .Config.Cmd}},"image":{{json .Image}},"state":{{json .State}}}';

/** A container that has ended. */
export interface Ended {
  readonly kind: "ended";
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  readonly wallMs: number;
  /** Digest of the image that it was made of. */
  readonly image: string;
}

export type ContainerState =
  /** Made, and not started or not startable; `error` is the engine's reason, where it has one. */
  | { readonly kind: "created"; readonly exitCode: number; readonly error: string }
  | { readonly kind: "running" }
  | Ended;

/** A container of some attempt, as a returning agent finds it. */
export interface ListedContainer {
  readonly id: string;
  readonly attempt: string;
  /** Its command runs within the wrapper, not bare. */
  readonly isWrapped: boolean;
  readonly state: ContainerState;
}

/** All containers of a work folder, or of one attempt, ended ones too. Rejects when the engine does not answer. */
export async function listContainers(
  engine: Engine,
  of: { readonly folder: string } | { readonly attempt: string },
): Promise<ListedContainer[]> {
  const filter = "folder" in of ? `${label.folder}=${of.folder}` : `${label.attempt}=${of.attempt}`;
  const ids = await ask(engine, ["ps", "--all", "--quiet", "--no-trunc", "--filter", `label=${filter}`]);
  const containers = await Promise.all(ids.map((id) => inspectContainer(engine, id)));
  return containers.filter((container) => container !== undefined);
}

/** Undefined when there is no such container; rejects when the engine does not answer. */
export async function inspectContainer(engine: Engine, id: string): Promise<ListedContainer | undefined> {
  const reply = await askEngine(engine.binary, [
    "inspect",
    "--type=container",
    "--format",
    inspectFormat,
    id,
  ]);
  if (!reply.ok) {
    const known = await ask(engine, ["ps", "--all", "--quiet", "--no-trunc", "--filter", `id=${id}`]);
    if (known.length === 0) return undefined;
    throw new MillraceError("unavailable", `${engine.kind} does not show container ${id}: ${reply.words}`);
  }
  try {
    const { labels, command, image, state } = inspectedSchema.parse(JSON.parse(reply.answer));
    return {
      id,
      attempt: labels?.[label.attempt] ?? "",
      isWrapped: command?.[0] === wrapperPath,
      state: containerState(state, imageDigest(image)),
    };
  } catch (error) {
    throw asMillraceError(
      error,
      `${engine.kind} described container ${id} in an unknown form`,
      "unsupported",
    );
  }
}

/** Ends and removes a container with its anonymous volumes; does nothing when it is gone. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  // Without it podman, unlike docker, first waits for the container to end by itself.
  const atOnce = engine.kind === "podman" ? ["--time=0"] : [];
  const reply = await askEngine(engine.binary, ["rm", "--force", ...atOnce, "--volumes", id]);
  if (reply.ok || (await inspectContainer(engine, id)) === undefined) return;
  throw new MillraceError("unavailable", `${engine.kind} did not remove container ${id}: ${reply.words}`);
}

/** Removes a container that is not started; says whether it is gone, and so will never be. */
export async function removeUnstarted(engine: Engine, id: string): Promise<boolean> {
  const reply = await askEngine(engine.binary, ["rm", "--volumes", id]);
  return reply.ok || (await inspectContainer(engine, id)) === undefined;
}

/** Ends and removes every container of an attempt. */
export async function removeByAttempt(engine: Engine, attempt: string): Promise<void> {
  const containers = await listContainers(engine, { attempt });
  await Promise.all(containers.map(({ id }) => removeContainer(engine, id)));
}

async function ask(engine: Engine, args: readonly string[]): Promise<string[]> {
  const reply = await askEngine(engine.binary, args);
  if (reply.ok) return reply.answer.split("\n").filter(Boolean);
  throw new MillraceError("unavailable", `${engine.kind} does not answer: ${reply.words}`);
}

function containerState(state: z.infer<typeof inspectedSchema>["state"], image: string): ContainerState {
  switch (state.Status) {
    case "created":
    case "configured":
    case "initialized":
      return { kind: "created", exitCode: state.ExitCode, error: state.Error };
    case "exited":
    case "dead":
    case "stopped":
    case "removing":
      return {
        kind: "ended",
        exitCode: state.ExitCode,
        outOfMemory: state.OOMKilled,
        // The end of a process that could not be executed is noted before its start.
        wallMs: Math.max(0, Date.parse(state.FinishedAt) - Date.parse(state.StartedAt)) || 0,
        image,
      };
    default:
      return { kind: "running" };
  }
}

/**
 * How the command ended. An init reports a signal as a shell does, and no engine says more. A kill for want of memory
 * counts when the command failed: one that went on and succeeded has succeeded.
 */
export function exitOf(ended: Ended, measured: Measured): Exit {
  const { cpuMs, peakMemoryBytes } = measured;
  const usage = { wallMs: ended.wallMs, cpuMs, peakMemoryBytes, image: ended.image };
  if ((ended.outOfMemory || measured.outOfMemory) && ended.exitCode !== 0)
    return { kind: "outOfMemory", usage };
  return exitOfStatus(ended.exitCode, usage);
}
