/**
 * A message bus within one process, for tests and simulations. Chance and time are passed in, so a run repeats exactly.
 *
 * Each delivery from one transport to another is drawn for itself: it may be lost, doubled, delayed, or delivered out of
 * order. Without faults it behaves as NATS does: at most once, in order between two transports, never within `publish`, and
 * what is published by, or on its way to, a transport that is not connected is lost in silence. A payload is copied on
 * its way, so nobody sees what another does to it later. Delays are whole milliseconds, and exact on a virtual clock only.
 */
import type { Cancel, Clock, Randomness, Transport, TransportStatus } from "./contract.ts";
import { matches } from "./subject-pattern.ts";

export interface Faults {
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Chances in [0, 1] for each delivery. */
  readonly lose?: number;
  readonly double?: number;
  /** The delivery does not wait for those before it. */
  readonly reorder?: number;
}

export interface NetworkEvent {
  readonly kind: "delivered" | "lost";
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly bytes: number;
}

/** What became of the deliveries of a network. */
export interface NetworkCounts {
  delivered: number;
  lost: number;
  doubled: number;
  overtaking: number;
}

export class MemoryNetwork {
  readonly counts: NetworkCounts = { delivered: 0, lost: 0, doubled: 0, overtaking: 0 };
  /** May be changed at any time, e.g. to heal the network at the end of a simulation. */
  faults: Faults;
  readonly clock: Clock;
  private readonly randomness: Randomness;
  private readonly transports = new Set<MemoryTransport>();
  private readonly listeners = new Set<(event: NetworkEvent) => void>();
  private readonly groups = new Map<string, number>();
  private readonly isolated = new Set<string>();

  constructor(clock: Clock, randomness: Randomness, faults: Faults = {}) {
    this.clock = clock;
    this.randomness = randomness;
    this.faults = faults;
  }

  /** A transport of this network; names serve `partition` and the trace, and need not differ. */
  connect(name: string): MemoryTransport {
    const transport = new MemoryTransport(this, name);
    this.transports.add(transport);
    return transport;
  }

  /** Cuts the network in parts: names of one list reach each other, and nobody else. Those not listed are one more part. */
  partition(...parts: readonly (readonly string[])[]): void {
    this.heal();
    for (const [index, names] of parts.entries()) for (const name of names) this.groups.set(name, index);
  }

  /** Cuts these names off the bus without their noticing: they reach nobody, not even themselves. */
  isolate(names: readonly string[]): void {
    for (const name of names) this.isolated.add(name);
  }

  heal(): void {
    this.groups.clear();
    this.isolated.clear();
  }

  /** The listener hears of each delivery and loss; two runs of one seed give the same. */
  trace(listener: (event: NetworkEvent) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Whether somebody has subscribed to a subject, as the server sees it. */
  isHeard(subject: string): boolean {
    const tokens = subject.split(".");
    for (const transport of this.transports)
      if (transport.isConnected && transport.hears(tokens)) return true;
    return false;
  }

  forget(transport: MemoryTransport): void {
    this.transports.delete(transport);
  }

  route(from: MemoryTransport, subject: string, payload: Uint8Array): void {
    const tokens = subject.split(".");
    for (const to of this.transports) {
      if (!to.hears(tokens)) continue;
      const copies = this.draw(this.faults.double) ? 2 : 1;
      this.counts.doubled += copies - 1;
      for (let copy = 0; copy < copies; copy++) this.convey(from, to, subject, payload.slice());
    }
  }

  private convey(from: MemoryTransport, to: MemoryTransport, subject: string, payload: Uint8Array): void {
    const delivery = { from: from.name, to: to.name, subject, bytes: payload.byteLength };
    const isLost = !from.isConnected || !this.areJoined(from, to) || this.draw(this.faults.lose);
    if (isLost) return this.report("lost", delivery);
    const { session } = to;
    const mayOvertake = this.draw(this.faults.reorder);
    if (mayOvertake) this.counts.overtaking += 1;
    this.clock.schedule(from.delayTo(to, this.delayMs(), mayOvertake), () => {
      const arrives = to.isConnected && to.session === session && this.areJoined(from, to);
      this.report(arrives ? "delivered" : "lost", delivery);
      if (arrives) to.deliver(payload, subject);
    });
  }

  private areJoined(from: MemoryTransport, to: MemoryTransport): boolean {
    if (this.isolated.has(from.name) || this.isolated.has(to.name)) return false;
    return this.groups.get(from.name) === this.groups.get(to.name);
  }

  private delayMs(): number {
    const { minDelayMs = 0, maxDelayMs = minDelayMs } = this.faults;
    return maxDelayMs === minDelayMs
      ? minDelayMs
      : minDelayMs + Math.floor(this.randomness.fraction() * (maxDelayMs - minDelayMs + 1));
  }

  private draw(chance: number | undefined): boolean {
    return chance !== undefined && chance > 0 && this.randomness.fraction() < chance;
  }

  private report(kind: NetworkEvent["kind"], delivery: Omit<NetworkEvent, "kind" | "atMs">): void {
    this.counts[kind] += 1;
    const atMs = this.clock.monotonicMs();
    for (const listener of this.listeners) listener({ kind, atMs, ...delivery });
  }
}

interface Subscription {
  readonly pattern: readonly string[];
  readonly deliver: (payload: Uint8Array, subject: string) => void;
}

export class MemoryTransport implements Transport {
  readonly name: string;
  isConnected = true;
  /** Rises with each loss of the connection; what was on its way in an earlier session is lost. */
  session = 0;
  private readonly network: MemoryNetwork;
  private readonly subscriptions = new Set<Subscription>();
  private readonly statusListeners = new Set<(status: TransportStatus) => void>();
  private readonly lastArrivalMs = new Map<MemoryTransport, number>();
  private latestArrivalMs = 0;
  private isClosed = false;

  constructor(network: MemoryNetwork, name: string) {
    this.network = network;
    this.name = name;
  }

  publish(subject: string, payload: Uint8Array): void {
    this.network.route(this, subject, payload);
  }

  subscribe(subject: string, deliver: (payload: Uint8Array, subject: string) => void): Cancel {
    const subscription = { pattern: subject.split("."), deliver };
    this.subscriptions.add(subscription);
    return () => this.subscriptions.delete(subscription);
  }

  onStatus(listener: (status: TransportStatus) => void): Cancel {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }

  flush(): Promise<void> {
    const delayMs = Math.max(0, this.latestArrivalMs - this.network.clock.monotonicMs());
    return new Promise((resolve) => {
      this.network.clock.schedule(delayMs, resolve);
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.isConnected = false;
    this.subscriptions.clear();
    this.statusListeners.clear();
    this.network.forget(this);
    return Promise.resolve();
  }

  disconnect(): void {
    if (this.isConnected) this.session++;
    this.setConnected(false);
  }

  reconnect(): void {
    this.setConnected(true);
  }

  hears(subject: readonly string[]): boolean {
    for (const { pattern } of this.subscriptions) if (matches(pattern, subject)) return true;
    return false;
  }

  deliver(payload: Uint8Array, subject: string): void {
    const tokens = subject.split(".");
    for (const subscription of [...this.subscriptions]) {
      if (this.subscriptions.has(subscription) && matches(subscription.pattern, tokens)) {
        subscription.deliver(payload, subject);
      }
    }
  }

  /** The delay until a message reaches another transport, not before those that went there earlier. */
  delayTo(to: MemoryTransport, drawnMs: number, mayOvertake: boolean): number {
    const nowMs = this.network.clock.monotonicMs();
    const earlierMs = mayOvertake ? 0 : (this.lastArrivalMs.get(to) ?? 0);
    const arrivalMs = Math.max(nowMs + drawnMs, earlierMs);
    this.lastArrivalMs.set(to, Math.max(arrivalMs, this.lastArrivalMs.get(to) ?? 0));
    this.latestArrivalMs = Math.max(this.latestArrivalMs, arrivalMs);
    return arrivalMs - nowMs;
  }

  private setConnected(isConnected: boolean): void {
    if (this.isConnected === isConnected || this.isClosed) return;
    this.isConnected = isConnected;
    for (const listener of [...this.statusListeners]) listener(isConnected ? "connected" : "disconnected");
  }
}
