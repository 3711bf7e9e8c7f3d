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
  /** They wait for a word, such as the first one of a successor, and come soon after it. */
  readonly waitsFor?: (kept: Mail, node: string, subject: string) => boolean;
}

interface Mail {
  readonly node: string;
  readonly subject: string;
  readonly payload: Uint8Array;
}

interface Kept extends Mail {
  readonly delay: Delay;
}

export class SlowMail {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #publish: (subject: string, payload: Uint8Array) => void;
  readonly #onDelayed: (delay: Delay) => void;
  readonly #delays = new Set<Delay>();
  #kept: Kept[] = [];
  #isHealed = false;

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

  /** All mail is quick again; what waits or is on its way is lost. */
  heal(): void {
    this.#delays.clear();
    this.#kept = [];
    this.#isHealed = true;
  }

  /** Whether the message is to be published now. */
  take(node: string, subject: string, payload: Uint8Array): boolean {
    if (this.#kept.length > 0) this.#onWord(node, subject);
    for (const delay of this.#delays) {
      if (!delay.takes(node, subject)) continue;
      this.#onDelayed(delay);
      // Copied: the writer may use its buffer again.
      const kept = { node, subject, payload: payload.slice(), delay };
      if (delay.waitsFor !== undefined) this.#kept.push(kept);
      else this.#sendLater(kept);
      return delay.isRepeat;
    }
    return true;
  }

  #onWord(node: string, subject: string): void {
    const [released, waiting] = [[] as Kept[], [] as Kept[]];
    for (const kept of this.#kept) {
      (kept.delay.waitsFor?.(kept, node, subject) ? released : waiting).push(kept);
    }
    this.#kept = waiting;
    for (const kept of released) this.#sendLater(kept);
  }

  #sendLater({ subject, payload, delay }: Kept): void {
    this.#clock.schedule(this.#chance.between(delay.leastMs, delay.mostMs), () => {
      if (!this.#isHealed) this.#publish(subject, payload);
    });
  }
}
