/**
 * The watching side of death watch between nodes: knows which of our watchers wait for actors of other nodes, and
 * whether those nodes live.
 *
 * Each node with a watched actor is sent the list of our watches when that list changes and every `pingMs`; its answer
 * names those that have ended. An answer confirms, with its incarnation, every watch the list it answers held.
 *
 *   announced ──answer──▶ confirmed ──named as ended──▶ over (the cause it names)
 *        └──────────────────┴──silence, or a new incarnation──▶ over (nodeLost)
 *
 * 1. A watcher is told once: a watch leaves the list before its watcher is called.
 * 2. A lost message delays, it does not lose: the next list, and the answer to it, say everything again.
 * 3. A node is lost after `nodeTimeoutMs` without an answer in which our own transport was up all the time; silence
 *    while we are cut off proves nothing.
 * 4. A confirmed watch whose node answers under another incarnation is lost with the one that confirmed it. An answer
 *    of an incarnation known to be over is ignored, however late it comes.
 */
import type { Cancel, Clock, TerminationCause } from "./contract.ts";
import type { Watched, Watcher } from "./death-watch.ts";
import type { EndList, WatchList } from "./node-message.ts";

export interface RemoteWatchSettings {
  readonly node: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly pingMs: number;
  readonly nodeTimeoutMs: number;
  /** Sends a list to a node. */
  readonly send: (node: string, list: WatchList) => void;
}

interface RemoteWatch {
  readonly id: number;
  readonly path: string;
  readonly watcher: Watcher;
  /** Number of the first list that held it. */
  since: number | undefined;
  confirmedBy: string | undefined;
}

export class RemoteWatches {
  private readonly settings: RemoteWatchSettings;
  private readonly nodes = new Map<string, WatchedNode>();
  private isConnected = true;
  private lastId = 0;
  private lastNumber = 0;

  constructor(settings: RemoteWatchSettings) {
    this.settings = settings;
  }

  add(node: string, path: string, watcher: Watcher): Watched {
    let watched = this.nodes.get(node);
    if (watched === undefined) {
      watched = new WatchedNode(node, this.settings, {
        isConnected: () => this.isConnected,
        nextNumber: () => ++this.lastNumber,
        forget: () => this.nodes.delete(node),
      });
      this.nodes.set(node, watched);
    }
    watched.add(++this.lastId, path, watcher);
    return watched;
  }

  onEndList(list: EndList): void {
    if (list.to === this.settings.incarnation) this.nodes.get(list.from)?.onEndList(list);
  }

  onConnection(isConnected: boolean): void {
    this.isConnected = isConnected;
    if (isConnected) for (const node of this.nodes.values()) node.resume();
  }

  /** Gives up all watches, and lets the other nodes forget them. */
  close(): void {
    for (const node of [...this.nodes.values()]) node.close();
  }
}

/** What a watched node needs of those who keep it. */
interface Keeper {
  isConnected(): boolean;
  /** Numbers of lists rise over all nodes, so one we watch again after a pause takes our lists for newer ones. */
  nextNumber(): number;
  forget(): void;
}

class WatchedNode implements Watched {
  private readonly node: string;
  private readonly settings: RemoteWatchSettings;
  private readonly keeper: Keeper;
  private readonly watches = new Map<number, RemoteWatch>();
  private readonly idByWatcher = new Map<Watcher, number>();
  private readonly former = new Set<string>();
  private incarnation: string | undefined;
  private heardMs: number;
  private cancelPing: Cancel | undefined;
  private cancelAnnounce: Cancel | undefined;

  constructor(node: string, settings: RemoteWatchSettings, keeper: Keeper) {
    this.node = node;
    this.settings = settings;
    this.keeper = keeper;
    this.heardMs = settings.clock.monotonicMs();
    this.cancelPing = settings.clock.schedule(settings.pingMs, this.ping);
  }

  add(id: number, path: string, watcher: Watcher): void {
    this.watches.set(id, { id, path, watcher, since: undefined, confirmedBy: undefined });
    this.idByWatcher.set(watcher, id);
    this.announceSoon();
  }

  removeWatcher(watcher: Watcher): void {
    const id = this.idByWatcher.get(watcher);
    if (id === undefined) return;
    this.remove(id, watcher);
    this.announceSoon();
  }

  resume(): void {
    this.heardMs = this.settings.clock.monotonicMs();
    this.announce();
  }

  onEndList({ incarnation, number, ended }: EndList): void {
    if (this.former.has(incarnation)) return;
    if (this.incarnation !== undefined && this.incarnation !== incarnation) this.former.add(this.incarnation);
    this.incarnation = incarnation;
    this.heardMs = this.settings.clock.monotonicMs();
    for (const watch of [...this.watches.values()]) {
      if (watch.since !== undefined && number >= watch.since) watch.confirmedBy ??= incarnation;
      if (watch.confirmedBy !== undefined && watch.confirmedBy !== incarnation) this.tell(watch, "nodeLost");
    }
    for (const [id, cause] of ended) {
      const watch = this.watches.get(id);
      if (watch !== undefined) this.tell(watch, cause);
    }
  }

  close(): void {
    this.watches.clear();
    this.idByWatcher.clear();
    this.announce();
  }

  private tell(watch: RemoteWatch, cause: TerminationCause): void {
    this.remove(watch.id, watch.watcher);
    this.announceSoon();
    watch.watcher.ended(cause);
  }

  private remove(id: number, watcher: Watcher): void {
    this.watches.delete(id);
    this.idByWatcher.delete(watcher);
  }

  private readonly ping = (): void => {
    const { clock, pingMs, nodeTimeoutMs } = this.settings;
    if (this.keeper.isConnected() && clock.monotonicMs() - this.heardMs >= nodeTimeoutMs) {
      for (const watch of [...this.watches.values()]) this.tell(watch, "nodeLost");
    } else {
      this.cancelPing = clock.schedule(pingMs, this.ping);
    }
    this.announce();
  };

  /** Gathers the changes of one turn into one list. */
  private announceSoon(): void {
    this.cancelAnnounce ??= this.settings.clock.schedule(0, this.announce);
  }

  private readonly announce = (): void => {
    this.cancelAnnounce?.();
    this.cancelAnnounce = undefined;
    const { node, incarnation, send } = this.settings;
    const number = this.keeper.nextNumber();
    const watches: WatchList["watches"] = [];
    for (const watch of this.watches.values()) {
      watch.since ??= number;
      watches.push([watch.id, watch.path]);
    }
    send(this.node, { kind: "watchList", from: node, incarnation, number, watches });
    if (watches.length > 0) return;
    this.cancelPing?.();
    this.keeper.forget();
  };
}
