import { ActorError } from "./actor-error.ts";
import type { Holding } from "./belongings.ts";
import type { Cell } from "./cell.ts";
import type {
  ActorRef,
  Behaviour,
  Cancel,
  Context,
  Logger,
  SpawnOptions,
  Terminated,
  TransportStatus,
} from "./contract.ts";
import { Watch } from "./death-watch.ts";
import { Notice } from "./notice.ts";
import { Piped } from "./piped.ts";
import { Timer } from "./timer.ts";

/** What a behaviour sees of its cell. Of an actor that has ended it does nothing, but throws at `spawn`. */
export class ActorContext implements Context<unknown> {
  private readonly cell: Cell;

  constructor(cell: Cell) {
    this.cell = cell;
  }

  get self(): ActorRef<unknown> {
    return this.cell.ref;
  }

  get log(): Logger {
    return new ActorLogger(this.cell);
  }

  now(): number {
    return this.cell.host.clock.now();
  }

  monotonicMs(): number {
    return this.cell.host.clock.monotonicMs();
  }

  id(): string {
    return this.cell.host.randomness.id();
  }

  fraction(): number {
    return this.cell.host.randomness.fraction();
  }

  spawn<C>(name: string, make: () => Behaviour<C>, options?: SpawnOptions): ActorRef<C> {
    return this.cell.spawn(name, make as () => Behaviour<unknown>, options).ref as ActorRef<C>;
  }

  stop(child?: ActorRef<never>): void {
    if (child === undefined) return this.cell.requestStop("stopped");
    const cell = this.cell.host.resolve(child);
    if (cell !== undefined && cell.parent !== this.cell) {
      throw new ActorError(
        "notAChild",
        `${this.cell.path} cannot stop ${child.path}, which is not its child`,
      );
    }
    cell?.requestStop("stopped");
  }

  watch(ref: ActorRef<never>, toMessage: (terminated: Terminated) => unknown): void {
    if (this.cell.isActive) Watch.start(this.cell, ref, toMessage);
  }

  unwatch(ref: ActorRef<never>): void {
    if (this.cell.isActive) Watch.end(this.cell, ref);
  }

  after(delayMs: number, message: unknown): Cancel {
    return this.cell.isActive ? new Timer(this.cell, delayMs, message).cancel : nothingToCancel;
  }

  every(intervalMs: number, message: unknown): Cancel {
    return this.cell.isActive
      ? new Timer(this.cell, intervalMs, message, intervalMs).cancel
      : nothingToCancel;
  }

  subscribe(subject: string, toMessage: (payload: Uint8Array, subject: string) => unknown): Cancel {
    if (!this.cell.isActive) return nothingToCancel;
    const { cell } = this;
    const cancel = cell.host.transport.subscribe(subject, (payload, from) =>
      guard(cell, () => {
        const message = toMessage(payload, from);
        if (message !== undefined) cell.tell(message);
      }),
    );
    return held(cell, cancel);
  }

  publish(subject: string, payload: Uint8Array): void {
    this.cell.host.transport.publish(subject, payload);
  }

  onTransport(toMessage: (status: TransportStatus) => unknown): Cancel {
    if (!this.cell.isActive) return nothingToCancel;
    const { cell } = this;
    const cancel = cell.host.transport.onStatus((status) =>
      guard(cell, () => cell.post(new Told(toMessage(status)))),
    );
    return held(cell, cancel);
  }

  ask<R, T>(ref: ActorRef<T>, make: (replyTo: ActorRef<R>) => T, timeoutMs: number): Promise<R> {
    return this.cell.host.ask(ref, make, timeoutMs);
  }

  pipe<T>(promise: Promise<T>, done: (value: T) => unknown, failed: (error: unknown) => unknown): void {
    if (this.cell.isActive) new Piped(this.cell, promise, done, failed);
    else promise.catch((error: unknown) => this.log.debug({ error }, "a promise of an ended actor failed"));
  }

  deadLetter(reason: string, subject: string, payload: unknown): void {
    this.cell.host.deadLetters.report(reason, subject, payload);
  }
}

/** A message made by the runtime on an actor's behalf. */
class Told extends Notice {
  private readonly message: unknown;

  constructor(message: unknown) {
    super();
    this.message = message;
  }

  override redeem(): unknown {
    return this.message;
  }

  override release(): void {
    this.isLive = false;
  }
}

/** Says in each line which actor speaks. */
class ActorLogger implements Logger {
  private readonly cell: Cell;

  constructor(cell: Cell) {
    this.cell = cell;
  }

  debug(fields: object, message: string): void {
    this.cell.host.log.debug({ actor: this.cell.path, ...fields }, message);
  }

  info(fields: object, message: string): void {
    this.cell.host.log.info({ actor: this.cell.path, ...fields }, message);
  }

  warn(fields: object, message: string): void {
    this.cell.host.log.warn({ actor: this.cell.path, ...fields }, message);
  }

  error(fields: object, message: string): void {
    this.cell.host.log.error({ actor: this.cell.path, ...fields }, message);
  }
}

function nothingToCancel(): void {
  // What an ended actor asks for has never begun.
}

/** Ties a subscription to the behaviour that made it. */
function held(cell: Cell, cancel: Cancel): Cancel {
  const holding: Holding = { release: cancel };
  cell.belongings.hold(holding);
  return () => {
    if (cell.isActive) cell.belongings.letGo(holding);
    cancel();
  };
}

/** A throw in an actor's own code, outside of its handler, is a failure of that actor. */
function guard(cell: Cell, step: () => void): void {
  try {
    step();
  } catch (error) {
    cell.fail(error);
  }
}
