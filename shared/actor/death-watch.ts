/**
 * One actor's watch of another.
 *
 *   watching ──ended──▶ told (waits in the watcher's mailbox) ──redeemed──▶ over
 *       └── unwatched, or the watcher stops or restarts ──▶ over
 *
 * 1. `ended` counts once, so a watch gives one Terminated at most; as every end of a cell and every loss of a node calls
 *    it, and a notice is never refused, a watch that is not given up gives one.
 * 2. Once `release` was called nothing is delivered, also when the Terminated waits in the mailbox already.
 * 3. Two watches of one actor by one watcher are one: the later one's conversion holds.
 */

import type { Cell } from "./cell.ts";
import type { ActorRef, Terminated, TerminationCause } from "./contract.ts";
import { Notice } from "./notice.ts";

/** Who is told of an end. */
export interface Watcher {
  ended(cause: TerminationCause): void;
}

/** Where a watcher is registered. */
export interface Watched {
  removeWatcher(watcher: Watcher): void;
}

export class Watch extends Notice implements Watcher {
  /** The cell watched, or its address where it is not an actor of this node. */
  readonly target: Cell | string;
  toMessage: (terminated: Terminated) => unknown;
  private readonly watcher: Cell;
  private readonly ref: ActorRef<never>;
  private watched: Watched | undefined;
  private cause: TerminationCause | undefined;

  constructor(
    watcher: Cell,
    ref: ActorRef<never>,
    target: Cell | string,
    toMessage: (terminated: Terminated) => unknown,
  ) {
    super();
    this.watcher = watcher;
    this.ref = ref;
    this.target = target;
    this.toMessage = toMessage;
  }

  get address(): string {
    return addressOf(this.ref);
  }

  ended(cause: TerminationCause): void {
    if (this.cause !== undefined || !this.isLive) return;
    this.cause = cause;
    this.watched = undefined;
    this.watcher.post(this);
  }

  override redeem(): unknown {
    this.watcher.belongings.removeWatch(this);
    const cause = this.cause ?? "stopped";
    return this.toMessage({ node: this.ref.node, path: this.ref.path, cause });
  }

  override release(): void {
    this.isLive = false;
    this.watched?.removeWatcher(this);
    this.watched = undefined;
  }

  /** Lets `watcher` be told of the end of what the ref names. */
  static start(watcher: Cell, ref: ActorRef<never>, toMessage: (terminated: Terminated) => unknown): void {
    const target = watcher.host.resolve(ref) ?? addressOf(ref);
    const known = watcher.belongings.watchOf(target);
    if (known !== undefined) {
      known.toMessage = toMessage;
      return;
    }
    const watch = new Watch(watcher, ref, target, toMessage);
    watcher.belongings.addWatch(watch);
    watch.watched = watcher.host.watch(ref, watch);
  }

  /** Gives up the watch of what the ref names, if there is one. */
  static end(watcher: Cell, ref: ActorRef<never>): void {
    const { belongings, host } = watcher;
    const target = host.resolve(ref);
    const watch = (target && belongings.watchOf(target)) ?? belongings.watchAt(addressOf(ref));
    if (watch === undefined) return;
    belongings.removeWatch(watch);
    watch.release();
  }
}

function addressOf(ref: ActorRef<never>): string {
  return `${ref.node}${ref.path}`;
}
