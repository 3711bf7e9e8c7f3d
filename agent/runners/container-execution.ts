/**
 * One attempt in a container, from its creation to its removal.
 *
 * States: preparing (making the container, which may pull its image) → started → over. A signal while preparing gives
 * up the pull, and the command does not run; while started it is sent until it arrives; when over it does nothing.
 *
 * Safe:
 * 1. The exit is what the engine says of the ended container, never the status of a client of its command line.
 * 2. The container is removed after its state was read and its output is whole; whoever comes between finds both.
 * 3. `exit` never rejects: whatever the engine does is a way for this attempt to end.
 * Live: an engine that stops answering is asked again for `engineGraceMs`, then the attempt ends as unknown.
 */
import { truncate } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";
import {
  type ContainerHost,
  createContainer,
  launchFile,
  notStarted,
  writeLaunchFiles,
} from "./container-creation.ts";
import { appendKept, logBytes, startAttached } from "./container-output.ts";
import {
  type ContainerState,
  type Ended,
  exitOf,
  inspectContainer,
  removeContainer,
} from "./container-state.ts";
import { notMeasured, readUsage, terminateAll } from "./container-wrapper.ts";
import { askEngine } from "./engine-command.ts";
import type { Execution, Exit, Launch, Usage } from "./runner.ts";

const ENGINE_RETRY_MS = 500;
const SIGNAL_RETRY_MS = 50;
const SIGNAL_PATIENCE_MS = 10_000;

export interface ExecutionHost extends ContainerHost {
  readonly engineGraceMs: number;
  /** Trouble that is not the job's fault and does not change its result, such as a container that stays. */
  readonly onTrouble: (error: MillraceError) => void;
  /** Images found to have no shell; later commands in them start bare at once. */
  readonly shellless: Set<string>;
}

type Phase =
  | { readonly kind: "preparing" }
  | { readonly kind: "started"; readonly id: string }
  | { readonly kind: "over" };

type Signal = "TERM" | "KILL";

export class ContainerExecution implements Execution {
  readonly exit: Promise<Exit>;
  readonly #host: ExecutionHost;
  readonly #launch: Launch;
  readonly #image: string;
  readonly #giveUp = new AbortController();
  readonly #made: string[] = [];
  #phase: Phase = { kind: "preparing" };
  #signalled: Signal | undefined;

  constructor(host: ExecutionHost, launch: Launch, image: string) {
    this.#host = host;
    this.#launch = launch;
    this.#image = image;
    this.exit = this.#run();
  }

  async signal(signal: Signal): Promise<void> {
    this.#signalled = signal;
    this.#giveUp.abort();
    if (this.#phase.kind === "started") await this.#deliver(this.#phase.id, signal);
  }

  async #run(): Promise<Exit> {
    try {
      await writeLaunchFiles(this.#launch);
      return await this.#runInContainer();
    } catch (error) {
      const { message } = asMillraceError(error, "the container could not be run");
      return this.#made.length === 0 ? notStarted("workspace", message) : { kind: "unknown", message };
    } finally {
      this.#phase = { kind: "over" };
      await this.#remove();
    }
  }

  async #runInContainer(): Promise<Exit> {
    const { command, log } = this.#launch;
    const before = await logBytes(log);
    const hasScript = "script" in command;
    const exit = await this.#runOnce(before, hasScript || !this.#host.shellless.has(this.#image));
    if (exit !== "noShell") return exit;
    if (hasScript) return notStarted("image", `image '${this.#image}' has no /bin/sh, which a script needs`);
    this.#host.shellless.add(this.#image);
    // Nothing has run: what is in the log is the complaint about the shell.
    await truncate(log, before);
    const bare = await this.#runOnce(before, false);
    return bare === "noShell" ? notStarted("image", `image '${this.#image}' has no such command`) : bare;
  }

  async #runOnce(logBefore: number, wrapped: boolean): Promise<Exit | "noShell"> {
    const options = { wrapped, giveUp: this.#giveUp.signal };
    const creation = await createContainer(this.#host, this.#launch, this.#image, options);
    if (creation.kind === "created") this.#made.push(creation.id);
    if (this.#signalled !== undefined) {
      return { kind: "signalled", signal: `SIG${this.#signalled}`, usage: neverRan };
    }
    if (creation.kind === "notStarted") return creation;
    this.#phase = { kind: "started", id: creation.id };
    await startAttached(this.#host.engine, creation.id, this.#launch.log);
    const state = await this.#settled(creation.id, logBefore);
    if (state.kind === "created") return startRefused(state);
    const measured = wrapped ? await readUsage(launchFile(this.#launch, "usage")) : notMeasured;
    if (measured === undefined && this.#signalled === undefined && wrapperFailed(state)) return "noShell";
    return exitOf(state, measured ?? notMeasured);
  }

  /** The state after the client has ended. While the container has not, its output is followed again. */
  async #settled(id: string, logBefore: number): Promise<Exclude<ContainerState, { kind: "running" }>> {
    const { engine } = this.#host;
    const { log } = this.#launch;
    const catchUp = async (follow: boolean): Promise<void> =>
      appendKept(engine, id, log, (await logBytes(log)) - logBefore, follow);
    for (let followed = false; ; followed = true) {
      const state = await this.#inspected(id);
      if (state === undefined)
        throw new MillraceError("notFound", "the container was removed by someone else");
      if (state.kind !== "running") {
        // Following may miss the last lines; the kept output of an ended container is whole.
        if (followed) await catchUp(false);
        return state;
      }
      await catchUp(true);
      await delay(ENGINE_RETRY_MS);
    }
  }

  async #inspected(id: string): Promise<ContainerState | undefined> {
    const deadline = performance.now() + this.#host.engineGraceMs;
    for (;;) {
      try {
        return (await inspectContainer(this.#host.engine, id))?.state;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(ENGINE_RETRY_MS);
      }
    }
  }

  /**
   * Between its creation and its start a container takes no signal yet, so a refused one is sent again. Engines give
   * TERM to the init, and an init to its child or that one's group; from inside it reaches every process.
   */
  async #deliver(id: string, signal: Signal): Promise<void> {
    const { engine } = this.#host;
    const deadline = performance.now() + SIGNAL_PATIENCE_MS;
    for (;;) {
      if (
        signal === "TERM" &&
        (await askEngine(engine.binary, ["exec", id, "/bin/sh", "-c", terminateAll])).ok
      )
        return;
      const reply = await askEngine(engine.binary, ["kill", `--signal=${signal}`, id]);
      if (reply.ok || this.#phase.kind === "over") return;
      const state = await this.#inspected(id);
      if (state === undefined || state.kind === "ended") return;
      if (performance.now() > deadline) {
        throw new MillraceError(
          "unavailable",
          `${engine.kind} did not signal container ${id}: ${reply.words}`,
        );
      }
      await delay(SIGNAL_RETRY_MS);
    }
  }

  async #remove(): Promise<void> {
    const { engine, onTrouble } = this.#host;
    try {
      await Promise.all(this.#made.map((id) => removeContainer(engine, id)));
    } catch (error) {
      onTrouble(asMillraceError(error, `a container of ${this.#launch.attempt} may be left`));
    }
  }
}

const neverRan: Usage = { wallMs: 0, cpuMs: null, peakMemoryBytes: null };

/** The engine could not start it: 126 and 127 are the command's, as in a shell, and the log has the words. */
function startRefused(state: Extract<ContainerState, { kind: "created" }>): Exit {
  if (state.exitCode === 126 || state.exitCode === 127) {
    return { kind: "exited", exitCode: state.exitCode, usage: neverRan };
  }
  return notStarted(
    "engine",
    `the container did not start: ${state.error || "its log has the engine's words"}`,
  );
}

/** What an init ends with when there is no shell for the wrapper depends on the init; a signal is another cause. */
function wrapperFailed(state: Ended): boolean {
  return !state.outOfMemory && state.exitCode > 0 && state.exitCode < 128;
}
