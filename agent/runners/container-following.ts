/**
 * A started container followed to its end: its state, its output, signals to it. Whoever started it may be another
 * process of the agent, and the engine may be away for a while.
 *
 * Live: an engine that stops answering is asked again for `engineGraceMs`, then the call rejects.
 */
import { setTimeout as delay } from "node:timers/promises";
import { MillraceError } from "../../shared/model/error.ts";
import type { ContainerHost } from "./container-creation.ts";
import { notStarted } from "./container-creation.ts";
import { appendKept, logBytes } from "./container-output.ts";
import {
  type ContainerState,
  type Ended,
  inspectContainer,
  type ListedContainer,
} from "./container-state.ts";
import { terminateAll } from "./container-wrapper.ts";
import { askEngine } from "./engine-command.ts";
import type { Exit, Launch, Usage } from "./runner.ts";

const ENGINE_RETRY_MS = 500;
const SIGNAL_RETRY_MS = 50;
const SIGNAL_PATIENCE_MS = 10_000;

export interface FollowingHost extends ContainerHost {
  readonly engineGraceMs: number;
}

export type Signal = "TERM" | "KILL";

/** Where a container's output goes; `before` is what the log held before it. */
export interface Output extends Pick<Launch, "log" | "control"> {
  readonly before: number;
}

/**
 * The state once it has ended, its output whole. While it has not, its output is followed; `isWhole` says that a client
 * carried the output to its end, as far as anybody saw.
 */
export async function settledState(
  host: FollowingHost,
  id: string,
  { before, ...files }: Output,
  isWhole: boolean,
): Promise<Exclude<ContainerState, { kind: "running" }>> {
  const catchUp = async (follow: boolean): Promise<void> =>
    appendKept(host.engine, id, files, (await logBytes(files.log)) - before, follow);
  for (let mayLack = !isWhole; ; mayLack = true) {
    const state = (await patiently(host, () => inspectContainer(host.engine, id)))?.state;
    if (state === undefined) {
      throw new MillraceError("notFound", "the container was removed by someone else");
    }
    if (state.kind !== "running") {
      // Following may miss the last lines; the kept output of an ended container is whole.
      if (mayLack) await catchUp(false);
      return state;
    }
    await catchUp(true);
    await delay(ENGINE_RETRY_MS);
  }
}

/** Asks until there is an answer, or the engine's grace is over. */
export async function patiently<T>(host: FollowingHost, ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + host.engineGraceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(ENGINE_RETRY_MS);
    }
  }
}

/**
 * Between its creation and its start a container takes no signal yet, so a refused one is sent again. Engines give TERM
 * to the init, and an init to its child or that one's group; from inside it reaches every process.
 */
export async function deliverSignal(
  host: FollowingHost,
  id: string,
  signal: Signal,
  isOver: () => boolean,
): Promise<void> {
  const { binary, kind } = host.engine;
  const deadline = performance.now() + SIGNAL_PATIENCE_MS;
  for (;;) {
    if (signal === "TERM" && (await askEngine(binary, ["exec", id, "/bin/sh", "-c", terminateAll])).ok)
      return;
    const reply = await askEngine(binary, ["kill", `--signal=${signal}`, id]);
    if (reply.ok || isOver()) return;
    const state = (await patiently(host, () => inspectContainer(host.engine, id)))?.state;
    if (state === undefined || state.kind === "ended") return;
    if (performance.now() > deadline) {
      throw new MillraceError("unavailable", `${kind} did not signal container ${id}: ${reply.words}`);
    }
    await delay(SIGNAL_RETRY_MS);
  }
}

export const neverRan: Usage = { wallMs: 0, cpuMs: null, peakMemoryBytes: null };

/** The engine could not start it: 126 and 127 are the command's, as in a shell, and the log has the words. */
export function startRefused(state: Extract<ContainerState, { kind: "created" }>): Exit {
  if (state.exitCode === 126 || state.exitCode === 127) {
    return { kind: "exited", exitCode: state.exitCode, usage: neverRan };
  }
  return notStarted(
    "engine",
    `the container did not start: ${state.error || "its log has the engine's words"}`,
  );
}

/** What an init ends with when there is no shell for the wrapper depends on the init; a signal is another cause. */
export function wrapperFailed(state: Ended): boolean {
  return !state.outOfMemory && state.exitCode > 0 && state.exitCode < 128;
}

/** Whether the engine tried to start it, in vain. */
export function wasRefused({ state }: ListedContainer): boolean {
  return state.kind === "created" && (state.exitCode !== 0 || state.error !== "");
}
