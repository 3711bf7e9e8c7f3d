import type { Cell } from "./cell.ts";
import type { Watch } from "./death-watch.ts";

/** Something that ends with the behaviour that asked for it. */
export interface Holding {
  release(): void;
}

/** What one behaviour has asked the runtime for; dropped as a whole when it stops or restarts. */
export class Belongings {
  private readonly holdings = new Set<Holding>();
  /** By the cell watched, or by address where it is not an actor of this node. */
  private readonly watches = new Map<Cell | string, Watch>();

  hold(holding: Holding): void {
    this.holdings.add(holding);
  }

  letGo(holding: Holding): void {
    this.holdings.delete(holding);
  }

  watchOf(target: Cell | string): Watch | undefined {
    return this.watches.get(target);
  }

  /** Finds the watch of an actor that no longer lives, by its address. */
  watchAt(address: string): Watch | undefined {
    for (const watch of this.watches.values()) if (watch.address === address) return watch;
    return undefined;
  }

  addWatch(watch: Watch): void {
    this.watches.set(watch.target, watch);
  }

  removeWatch(watch: Watch): void {
    if (this.watches.get(watch.target) === watch) this.watches.delete(watch.target);
  }

  release(): void {
    for (const holding of this.holdings) holding.release();
    for (const watch of this.watches.values()) watch.release();
  }
}
