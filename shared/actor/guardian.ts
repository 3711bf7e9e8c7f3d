import { ActorError } from "./actor-error.ts";
import { Cell } from "./cell.ts";
import { Children } from "./children.ts";
import type { Behaviour, SpawnOptions } from "./contract.ts";
import type { Host, Parent } from "./host.ts";

export interface TopLevelOptions extends SpawnOptions {
  /** Called once when the actor has ended by a failure that its supervision did not cure. */
  readonly onFailure?: (error: unknown) => void;
}

/** Stands above the actors at the top of a system, and restarts none that escalates: it stops it and reports. */
export class Guardian implements Parent {
  readonly path = "";
  readonly children = new Children();
  private readonly onFailures = new Map<Cell, (error: unknown) => void>();
  private whenEmpty: (() => void) | undefined;
  private isStopping = false;

  spawn(host: Host, name: string, make: () => Behaviour<unknown>, options: TopLevelOptions): Cell {
    if (this.isStopping) throw new ActorError("stopped", `the system is stopping and cannot spawn ${name}`);
    this.children.checkFree(name);
    const cell = new Cell(host, this, name, make, options);
    this.children.add(cell);
    if (options.onFailure !== undefined) this.onFailures.set(cell, options.onFailure);
    return cell;
  }

  /** Stops all actors, youngest first, and calls back when the last has ended. */
  stop(whenEmpty: () => void): void {
    this.isStopping = true;
    this.whenEmpty = whenEmpty;
    if (!this.children.stopAll()) whenEmpty();
  }

  childEnded(cell: Cell): void {
    const isLast = this.children.remove(cell);
    const onFailure = this.onFailures.get(cell);
    this.onFailures.delete(cell);
    if (cell.stopCause === "failed") {
      cell.host.log.error({ actor: cell.path, error: cell.failure?.error }, "actor ended by a failure");
      try {
        onFailure?.(cell.failure?.error);
      } catch (error) {
        cell.host.log.error({ actor: cell.path, error }, "onFailure failed itself");
      }
    }
    if (isLast) this.whenEmpty?.();
  }

  childEscalated(cell: Cell): void {
    cell.requestStop("failed");
  }
}
