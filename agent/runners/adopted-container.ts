/**
 * An attempt whose container an earlier process of this agent made, followed to its end.
 *
 * Its end may be noted already. Otherwise the container is found by its label: one that runs, or has ended while nobody
 * was there, is followed like one of our own; one that was made and not started never began, nor did one that was not
 * even made. The client that carries its output is a process of its own, which may have outlived the agent; as long as
 * it lives nobody else writes to the log, and what it leaves out is made good from the engine's own copy.
 *
 * Safe: 1. "never began" is said only once the container can't be started any more: it is removed, unstarted.
 * 2. The end is noted before the container is removed. 3. `exit` never rejects.
 */
import { setTimeout as delay } from "node:timers/promises";
import { asMillraceError, type MillraceError } from "../../shared/model/error.ts";
import { launchFile } from "./container-creation.ts";
import { notedExit, noteExit } from "./container-exit.ts";
import {
  deliverSignal,
  type FollowingHost,
  patiently,
  type Signal,
  settledState,
  startRefused,
  wasRefused,
  wrapperFailed,
} from "./container-following.ts";
import { isClientAlive } from "./container-output.ts";
import {
  exitOf,
  inspectContainer,
  type ListedContainer,
  listContainers,
  removeByAttempt,
  removeUnstarted,
} from "./container-state.ts";
import { notMeasured, readUsage } from "./container-wrapper.ts";
import { withOutputs } from "./package-outputs.ts";
import type { Adoption, Execution, Exit } from "./runner.ts";

const LOOK_MS = 200;

export interface AdoptingHost extends FollowingHost {
  readonly onTrouble: (error: MillraceError) => void;
}

export class AdoptedContainer implements Execution {
  readonly exit: Promise<Exit>;
  readonly elapsedMs: number;
  readonly #host: AdoptingHost;
  readonly #adoption: Adoption;
  #id: string | undefined;
  #isFoundRunning = false;
  #signalled: Signal | undefined;
  #hasEnded = false;
  #isOver = false;

  constructor(host: AdoptingHost, adoption: Adoption) {
    this.#host = host;
    this.#adoption = adoption;
    this.elapsedMs = adoption.elapsedMs ?? 0;
    this.exit = this.#run();
  }

  get isFoundRunning(): boolean {
    return this.#isFoundRunning;
  }

  get hasEnded(): boolean {
    return this.#hasEnded && !this.#isOver;
  }

  async signal(signal: Signal): Promise<void> {
    this.#signalled = signal;
    if (this.#id !== undefined && !this.#hasEnded && !this.#isOver) {
      await deliverSignal(this.#host, this.#id, signal, () => this.#hasEnded || this.#isOver);
    }
  }

  async #run(): Promise<Exit> {
    const { attempt, control } = this.#adoption;
    let exit: Exit;
    try {
      exit = notedExit(control) ?? (await this.#followed());
    } catch (error) {
      const { message } = asMillraceError(error, "its container could not be taken over");
      exit = { kind: "unknown", message };
    }
    this.#isOver = true;
    try {
      noteExit(control, exit);
      await removeByAttempt(this.#host.engine, attempt);
    } catch (error) {
      this.#host.onTrouble(asMillraceError(error, `a container of ${attempt} may be left`));
    }
    return exit;
  }

  async #followed(): Promise<Exit> {
    const { engine } = this.#host;
    const { attempt, log, control, isSameBoot } = this.#adoption;
    if (!isSameBoot) return { kind: "unknown", message: "its host was started again" };
    const container = await this.#begun(
      await patiently(this.#host, () => listContainers(engine, { attempt })),
    );
    if (container === undefined) return { kind: "neverBegan" };
    if (container.state.kind === "created") return startRefused(container.state);
    this.#id = container.id;
    this.#isFoundRunning = container.state.kind === "running";
    if (this.#signalled !== undefined) void this.#pass(this.#signalled);
    while (isClientAlive(control)) await delay(LOOK_MS);
    const state = await settledState(this.#host, container.id, { log, control, before: 0 }, false);
    if (state.kind === "created") return startRefused(state);
    const measured = container.isWrapped ? await readUsage(launchFile(this.#adoption, "usage")) : notMeasured;
    // An image without a shell: the wrapper never ran, and a bare start was still to come.
    if (measured === undefined && this.#signalled === undefined && wrapperFailed(state)) {
      return { kind: "neverBegan" };
    }
    this.#hasEnded = true;
    return await withOutputs(
      this.#host,
      container.id,
      this.#adoption.packageRoot,
      exitOf(state, measured ?? notMeasured),
    );
  }

  /** The container whose command was started, or refused; undefined once no one can start one any more. */
  async #begun(listed: readonly ListedContainer[]): Promise<ListedContainer | undefined> {
    const { engine } = this.#host;
    // A second, bare one is made only after the wrapped one has failed.
    let container = listed.find(({ isWrapped }) => !isWrapped) ?? listed[0];
    while (container?.state.kind === "created" && !wasRefused(container)) {
      const { id } = container;
      if (isClientAlive(this.#adoption.control)) await delay(LOOK_MS);
      else if (await removeUnstarted(engine, id)) return undefined;
      container = await patiently(this.#host, () => inspectContainer(engine, id));
    }
    return container;
  }

  /** A signal that came before the container was found. */
  async #pass(signal: Signal): Promise<void> {
    try {
      await this.signal(signal);
    } catch (error) {
      this.#host.onTrouble(asMillraceError(error, `${this.#adoption.attempt} could not be signalled`));
    }
  }
}
