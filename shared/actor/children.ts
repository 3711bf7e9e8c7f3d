/**
 * The living children of one parent, by name, in the order of their spawning.
 *
 * Stopping them goes one by one from the youngest: a child has ended, with all below it, before the next is asked.
 * Each step waits for a turn of the child, so the stack stays flat however many there are.
 */

import { ActorError } from "./actor-error.ts";
import { checkName } from "./address.ts";
import type { Cell } from "./cell.ts";

export class Children {
  private readonly byName = new Map<string, Cell>();
  /** Those that have still to be asked, while all are stopped. */
  private unasked: Cell[] | undefined;
  private asked: Cell | undefined;

  get size(): number {
    return this.byName.size;
  }

  get(name: string): Cell | undefined {
    return this.byName.get(name);
  }

  values(): IterableIterator<Cell> {
    return this.byName.values();
  }

  /** Throws where the name cannot be an actor's, or is a living one's. */
  checkFree(name: string): void {
    checkName(name);
    if (this.byName.has(name)) throw new ActorError("nameTaken", `a living sibling is named ${name}`);
  }

  add(child: Cell): void {
    this.byName.set(child.name, child);
  }

  /** Forgets a child that has ended; true when that completes the stopping of all. */
  remove(child: Cell): boolean {
    this.byName.delete(child.name);
    return this.asked === child && !this.askNext();
  }

  /** Starts to stop all; false when there is none to wait for. */
  stopAll(): boolean {
    this.unasked = [...this.byName.values()];
    return this.askNext();
  }

  private askNext(): boolean {
    for (;;) {
      this.asked = this.unasked?.pop();
      if (this.asked === undefined) break;
      if (this.asked.hasEnded) continue;
      this.asked.requestStop("stopped");
      return true;
    }
    this.unasked = undefined;
    return false;
  }
}
