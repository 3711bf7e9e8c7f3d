import type { Cell } from "./cell.ts";
import { Notice } from "./notice.ts";

/** The end of a promise on its way back to the actor that waits for it. */
export class Piped<T> extends Notice {
  private readonly cell: Cell;
  private readonly done: (value: T) => unknown;
  private readonly failed: (error: unknown) => unknown;
  private outcome: { readonly value: T } | { readonly error: unknown } | undefined;

  constructor(
    cell: Cell,
    promise: Promise<T>,
    done: (value: T) => unknown,
    failed: (error: unknown) => unknown,
  ) {
    super();
    this.cell = cell;
    this.done = done;
    this.failed = failed;
    cell.belongings.hold(this);
    promise.then(
      (value) => this.settle({ value }),
      (error: unknown) => this.settle({ error }),
    );
  }

  override redeem(): unknown {
    this.cell.belongings.letGo(this);
    const outcome = this.outcome!;
    return "error" in outcome ? this.failed(outcome.error) : this.done(outcome.value);
  }

  override release(): void {
    this.isLive = false;
  }

  private settle(outcome: { readonly value: T } | { readonly error: unknown }): void {
    this.outcome = outcome;
    if (this.isLive) this.cell.post(this);
  }
}
