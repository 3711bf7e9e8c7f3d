/**
 * The watched side of death watch between nodes: knows which of our actors other nodes watch, and tells of their end.
 *
 * 1. What we keep for a node is what its newest list holds: listed watches are made, others dropped.
 * 2. An end is named in each answer until the list no longer holds its watch, so a lost answer is repeated.
 * 3. A node that has sent no list for `forgetMs` is forgotten; its next list makes everything anew, and what ended
 *    meanwhile is then `notFound`.
 */

import type { Cell } from "./cell.ts";
import type { Cancel, Clock, TerminationCause } from "./contract.ts";
import type { Watcher } from "./death-watch.ts";
import type { EndList, WatchList } from "./node-message.ts";

export interface WatchedActorsSettings {
  readonly node: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly forgetMs: number;
  readonly find: (path: string) => Cell | undefined;
  /** Sends an answer to a node. */
  readonly send: (node: string, list: EndList) => void;
}

export class WatchedActors {
  private readonly settings: WatchedActorsSettings;
  private readonly nodes = new Map<string, WatchingNode>();

  constructor(settings: WatchedActorsSettings) {
    this.settings = settings;
  }

  onWatchList(list: WatchList): void {
    let node = this.nodes.get(list.from);
    if (node !== undefined && node.incarnation !== list.incarnation) {
      node.close();
      node = undefined;
    }
    if (node === undefined) {
      node = new WatchingNode(list.from, list.incarnation, this.settings, (gone) =>
        this.forget(list.from, gone),
      );
      this.nodes.set(list.from, node);
    }
    node.onWatchList(list);
  }

  /** Tells of what has ended up to now, and forgets everything. */
  close(): void {
    for (const node of this.nodes.values()) {
      node.answer();
      node.close();
    }
    this.nodes.clear();
  }

  private forget(name: string, node: WatchingNode): void {
    if (this.nodes.get(name) === node) this.nodes.delete(name);
  }
}

class WatchingNode {
  readonly incarnation: string;
  private readonly name: string;
  private readonly settings: WatchedActorsSettings;
  private readonly forget: (gone: WatchingNode) => void;
  private readonly watches = new Map<number, WatchedActor>();
  private number = -1;
  private cancelForget: Cancel | undefined;
  private cancelAnswer: Cancel | undefined;

  constructor(
    name: string,
    incarnation: string,
    settings: WatchedActorsSettings,
    forget: (gone: WatchingNode) => void,
  ) {
    this.name = name;
    this.incarnation = incarnation;
    this.settings = settings;
    this.forget = forget;
  }

  onWatchList({ number, watches }: WatchList): void {
    if (number <= this.number) return;
    this.number = number;
    const listed = new Set<number>();
    for (const [id, path] of watches) {
      listed.add(id);
      if (!this.watches.has(id))
        this.watches.set(id, new WatchedActor(this.settings.find(path), this.answerSoon));
    }
    for (const [id, watch] of this.watches) {
      if (listed.has(id)) continue;
      watch.release();
      this.watches.delete(id);
    }
    this.answer();
    if (this.watches.size === 0) this.close();
    else this.expectMore();
  }

  readonly answer = (): void => {
    this.cancelAnswer?.();
    this.cancelAnswer = undefined;
    const { node, incarnation, send } = this.settings;
    const ended: EndList["ended"] = [];
    for (const [id, { cause }] of this.watches) if (cause !== undefined) ended.push([id, cause]);
    send(this.name, {
      kind: "endList",
      from: node,
      incarnation,
      to: this.incarnation,
      number: this.number,
      ended,
    });
  };

  close(): void {
    this.cancelForget?.();
    this.cancelAnswer?.();
    for (const watch of this.watches.values()) watch.release();
    this.watches.clear();
    this.forget(this);
  }

  private expectMore(): void {
    this.cancelForget?.();
    this.cancelForget = this.settings.clock.schedule(this.settings.forgetMs, () => this.close());
  }

  /** Gathers the ends of one turn into one answer. */
  private readonly answerSoon = (): void => {
    this.cancelAnswer ??= this.settings.clock.schedule(0, this.answer);
  };
}

class WatchedActor implements Watcher {
  cause: "stopped" | "failed" | "notFound" | undefined;
  private readonly cell: Cell | undefined;
  private readonly changed: () => void;

  constructor(cell: Cell | undefined, changed: () => void) {
    this.cell = cell;
    this.changed = changed;
    if (cell === undefined) this.cause = "notFound";
    else cell.addWatcher(this);
  }

  ended(cause: TerminationCause): void {
    // A node cannot be lost to itself; the type of a cause is shared with the other side.
    this.cause = cause === "nodeLost" ? "failed" : cause;
    this.changed();
  }

  release(): void {
    this.cell?.removeWatcher(this);
  }
}
