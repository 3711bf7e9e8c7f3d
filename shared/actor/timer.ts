import type { Cell } from "./cell.ts";
import type { Cancel } from "./contract.ts";
import { Notice } from "./notice.ts";

/**
 * A message an actor sends to itself later, once or again and again. A tick whose predecessor still waits in the mailbox
 * is left out, so a slow actor never finds a heap of them.
 */
export class Timer extends Notice {
  private readonly cell: Cell;
  private readonly message: unknown;
  private readonly intervalMs: number | undefined;
  private isWaiting = false;
  private cancelClock: Cancel;

  constructor(cell: Cell, delayMs: number, message: unknown, intervalMs?: number) {
    super();
    this.cell = cell;
    this.message = message;
    this.intervalMs = intervalMs;
    this.cancelClock = cell.host.clock.schedule(
      intervalMs === undefined ? delayMs : this.untilTick(intervalMs),
      this.fire,
    );
    cell.belongings.hold(this);
  }

  override redeem(): unknown {
    this.isWaiting = false;
    if (this.intervalMs === undefined) this.cell.belongings.letGo(this);
    return this.message;
  }

  override release(): void {
    this.isLive = false;
    this.cancelClock();
  }

  readonly cancel = (): void => {
    if (!this.isLive) return;
    this.release();
    if (this.cell.isActive) this.cell.belongings.letGo(this);
  };

  private readonly fire = (): void => {
    if (this.intervalMs !== undefined) {
      this.cancelClock = this.cell.host.clock.schedule(this.untilTick(this.intervalMs), this.fire);
    }
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.cell.post(this);
  };

  private untilTick(intervalMs: number): number {
    return this.cell.host.clock.untilTick?.(intervalMs) ?? intervalMs;
  }
}
