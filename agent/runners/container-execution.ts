/**
 * One attempt in a container, from its creation to its removal.
 *
 * States: preparing (making the container, which may pull its image) → started → ended (its outputs are fetched, where
 * they are in it) → over. A signal while preparing gives up the pull, and the command does not run; while started it is
 * sent until it arrives; from the end on it does nothing.
 *
 * Safe:
 * 1. The exit is what the engine says of the ended container, never the status of a client of its command line.
 * 2. The container is removed after its state was read and noted and its output is whole; whoever comes between finds
 *    both.
 * 3. `exit` never rejects: whatever the engine does is a way for this attempt to end.
 * Live: an engine that stops answering is asked again for `engineGraceMs`, then the attempt ends as unknown.
 */
import { truncate } from "node:fs/promises";
import { asMillraceError, type MillraceError } from "../../shared/model/error.ts";
import { isHostTrouble } from "../core/host-trouble.ts";
import { createContainer, launchFile, notStarted, writeLaunchFiles } from "./container-creation.ts";
import { noteExit } from "./container-exit.ts";
import { copyIn } from "./container-files.ts";
import {
  deliverSignal,
  type FollowingHost,
  neverRan,
  type Signal,
  settledState,
  startRefused,
  wrapperFailed,
} from "./container-following.ts";
import { logBytes, startAttached } from "./container-output.ts";
import { exitOf, removeContainer } from "./container-state.ts";
import { notMeasured, readUsage } from "./container-wrapper.ts";
import { withOutputs } from "./package-outputs.ts";
import type { Execution, Exit, Launch } from "./runner.ts";

export interface ExecutionHost extends FollowingHost {
  /** Trouble that is not the job's fault and does not change its result, such as a container that stays. */
  readonly onTrouble: (error: MillraceError) => void;
  /** Images found to have no shell; later commands in them start bare at once. */
  readonly shellless: Set<string>;
}

type Phase =
  | { readonly kind: "preparing" }
  | { readonly kind: "started"; readonly id: string }
  | { readonly kind: "ended" }
  | { readonly kind: "over" };

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
    if (this.#phase.kind !== "started") return;
    await deliverSignal(this.#host, this.#phase.id, signal, () => this.#phase.kind !== "started");
  }

  get hasEnded(): boolean {
    return this.#phase.kind === "ended";
  }

  async #run(): Promise<Exit> {
    const exit = await this.#end();
    this.#phase = { kind: "over" };
    await this.#remove(exit);
    return exit;
  }

  async #end(): Promise<Exit> {
    try {
      await writeLaunchFiles(this.#launch);
      return await this.#runInContainer();
    } catch (error) {
      const { message } = asMillraceError(error, "the container could not be run");
      if (this.#made.length > 0 || isHostTrouble(error)) return { kind: "unknown", message };
      return notStarted("workspace", message);
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
    const { packageRoot } = this.#launch;
    if (creation.kind === "created" && packageRoot !== undefined && this.#signalled === undefined) {
      await copyIn(this.#host.engine, creation.id, packageRoot.folder);
    }
    if (this.#signalled !== undefined) {
      return { kind: "signalled", signal: `SIG${this.#signalled}`, usage: neverRan };
    }
    if (creation.kind === "notStarted") return creation;
    this.#phase = { kind: "started", id: creation.id };
    const { log, control } = this.#launch;
    await startAttached(this.#host.engine, creation.id, { log, control });
    const state = await settledState(this.#host, creation.id, { log, control, before: logBefore }, true);
    if (state.kind === "created") return startRefused(state);
    const measured = wrapped ? await readUsage(launchFile(this.#launch, "usage")) : notMeasured;
    if (measured === undefined && this.#signalled === undefined && wrapperFailed(state)) return "noShell";
    this.#phase = { kind: "ended" };
    return await withOutputs(this.#host, creation.id, packageRoot, exitOf(state, measured ?? notMeasured));
  }

  async #remove(exit: Exit): Promise<void> {
    const { engine, onTrouble } = this.#host;
    try {
      if (this.#made.length > 0) noteExit(this.#launch.control, exit);
      await Promise.all(this.#made.map((id) => removeContainer(engine, id)));
    } catch (error) {
      onTrouble(asMillraceError(error, `a container of ${this.#launch.attempt} may be left`));
    }
  }
}
