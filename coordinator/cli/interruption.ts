/**
 * How a command is told to stop early: by a signal, or because `--timeout` has passed.
 *
 * States: running, interrupted. A command that has things to put in order calls `take` and watches `signal`; any
 * other one ends at once. A second interruption ends every command at once, whatever it is doing.
 */
import { MillraceError } from "../../shared/model/error.ts";

/** A person or the system asked the command to stop. */
export class Interrupted extends Error {
  constructor(signal: string) {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
  }
}

export class Interruption {
  readonly #controller = new AbortController();
  readonly #endAtOnce: (reason: unknown) => void;
  #taken = false;

  constructor(endAtOnce: (reason: unknown) => void) {
    this.#endAtOnce = endAtOnce;
  }

  /** Aborts with an `Interrupted` or a MillraceError `timeout`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The command stops by itself, in order, when `signal` aborts. */
  take(): void {
    this.#taken = true;
  }

  get taken(): boolean {
    return this.#taken;
  }

  interrupt(reason: Interrupted | MillraceError): void {
    const repeated = this.signal.aborted;
    this.#controller.abort(reason);
    if (repeated || !this.#taken) this.#endAtOnce(reason);
  }

  /** Interrupts once this long has passed; the timer keeps no process alive. */
  limit(timeoutMs: number): void {
    const reason = new MillraceError("timeout", `gave up after ${timeoutMs / 1000} s, as --timeout says`);
    setTimeout(() => this.interrupt(reason), timeoutMs).unref();
  }

  /** Signals that mean "stop" reach this interruption. */
  listen(source: NodeJS.Process): void {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      source.on(name, () => this.interrupt(new Interrupted(name)));
    }
  }
}
