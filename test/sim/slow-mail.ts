/**
 * Messages that take long. NATS keeps the order of one connection; what an earlier process has sent, or what stands in
 * the buffers of a slow link, may still come seconds later, after the words of a successor, and once more.
 */
import type { VirtualClock } from "../../shared/actor/virtual-clock.ts";
import type { Chance } from "./chance.ts";

/** What becomes of the messages that it takes. */
export interface Delay {
  takes(node: string, subject: string): boolean;
  /** Whether they come at once, too. */
  readonly isRepeat: boolean;
  readonly leastMs: number;
  readonly mostMs: number;
  /** They wait for the first word of another node on the same subject, and come soon after it. */
  readonly waitsForSuccessor?: boolean;
}

interface Kept {
  readonly node: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly delay: Delay;
}

export class SlowMail {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #publish: (subject: string, payload: Uint8Array) => void;
  readonly #onDelayed: (delay: Delay) => void;
  readonly #delays = new Set<Delay>();
  #kept: Kept[] = [];

  constructor(parts: {
    clock: VirtualClock;
    chance: Chance;
    publish: (subject: string, payload: Uint8Array) => void;
    onDelayed: (delay: Delay) => void;
  }) {
    this.#clock = parts.clock;
    this.#chance = parts.chance;
    this.#publish = parts.publish;
    this.#onDelayed = parts.onDelayed;
  }

  /** From now on; returns how to end it. What was taken by then still comes late. */
  begin(delay: Delay): () => void {
    this.#delays.add(delay);
    return () => this.#delays.delete(delay);
  }

  /** All mail is quick again; what waits is lost. */
  heal(): void {
    this.#delays.clear();
    this.#kept = [];
  }

  /** Whether the message is to be published now. */
  take(node: string, subject: string, payload: Uint8Array): boolean {
    if (this.#kept.length > 0) this.#onSuccessor(node, subject);
    for (const delay of this.#delays) {
      if (!delay.takes(node, subject)) continue;
      this.#onDelayed(delay);
      // Copied: the writer may use its buffer again.
      const kept = { node, subject, payload: payload.slice(), delay };
      if (delay.waitsForSuccessor) this.#kept.push(kept);
      else this.#sendLater(kept);
      return delay.isRepeat;
    }
    return true;
  }

  #onSuccessor(node: string, subject: string): void {
    const [released, waiting] = [[] as Kept[], [] as Kept[]];
    for (const kept of this.#kept) {
      (kept.subject === subject && kept.node !== node ? released : waiting).push(kept);
    }
    this.#kept = waiting;
    for (const kept of released) this.#sendLater(kept);
  }

  #sendLater({ subject, payload, delay }: Kept): void {
    this.#clock.schedule(this.#chance.between(delay.leastMs, delay.mostMs), () =>
      this.#publish(subject, payload),
    );
  }
}
