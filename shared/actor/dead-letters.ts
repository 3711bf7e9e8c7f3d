/**
 * What becomes of messages nobody took or that were refused: counted by reason, told to listeners, and published for
 * operators, as JSON.
 *
 * Publishing must not make a bad day worse: a bucket of `perSecond` lets so many through, what it holds back is only
 * counted and said with the next one published; of a large payload only the start is shown; and a dead letter is never
 * itself a message to an actor.
 */
import type { Cancel, Clock, Logger, Transport } from "./contract.ts";
import type { Counters } from "./host.ts";

/** Of a payload this much is shown. */
const SHOWN_BYTES = 1024;

export interface DeadLetter {
  readonly reason: string;
  readonly node: string;
  /** The path or subject the message was for. */
  readonly target: string;
  readonly payload: unknown;
}

export interface DeadLetterSettings {
  readonly node: string;
  readonly subject: string;
  readonly perSecond: number;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly counters: Counters;
  readonly log: Logger;
}

export class DeadLetters {
  private readonly settings: DeadLetterSettings;
  private readonly listeners = new Set<(letter: DeadLetter) => void>();
  private readonly byReason = new Map<string, number>();
  private allowance: number;
  private refilledMs: number;
  private suppressed = 0;

  constructor(settings: DeadLetterSettings) {
    this.settings = settings;
    this.allowance = settings.perSecond;
    this.refilledMs = settings.clock.monotonicMs();
  }

  report(reason: string, target: string, payload: unknown): void {
    this.settings.counters.deadLetters++;
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1);
    const letter = { reason, node: this.settings.node, target, payload };
    this.tell(letter);
    if (this.mayPublish()) this.publish(letter);
    else this.suppressed++;
  }

  /** How many there were, by reason. */
  counts(): [reason: string, count: number][] {
    return [...this.byReason];
  }

  listen(listener: (letter: DeadLetter) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(letter: DeadLetter): void {
    for (const listener of this.listeners) {
      try {
        listener(letter);
      } catch (error) {
        // Whoever sent the message is not to fail for who looks on.
        this.settings.log.error({ target: letter.target, error }, "a listener for dead letters failed");
      }
    }
  }

  private mayPublish(): boolean {
    const { clock, perSecond } = this.settings;
    const nowMs = clock.monotonicMs();
    this.allowance = Math.min(perSecond, this.allowance + ((nowMs - this.refilledMs) / 1000) * perSecond);
    this.refilledMs = nowMs;
    if (this.allowance < 1) return false;
    this.allowance--;
    return true;
  }

  private publish({ reason, node, target, payload }: DeadLetter): void {
    const { clock, transport, subject, log } = this.settings;
    const at = new Date(clock.now()).toISOString();
    const letter = { v: 1, at, reason, node, target, suppressed: this.suppressed, ...shown(payload) };
    this.suppressed = 0;
    try {
      transport.publish(subject, Buffer.from(JSON.stringify(letter)));
    } catch (error) {
      // Whoever sent the message is not to fail for its report.
      log.warn({ target, reason, error }, "a dead letter could not be published");
    }
  }
}

/** Bytes as they came in base64, a message of this node as JSON text; the start of either. */
function shown(payload: unknown): object {
  if (payload instanceof Uint8Array) {
    const start = Buffer.from(payload.buffer, payload.byteOffset, Math.min(payload.length, SHOWN_BYTES));
    return { bytes: payload.length, base64: start.toString("base64") };
  }
  try {
    const text = JSON.stringify(payload) ?? "";
    return { bytes: Buffer.byteLength(text), text: text.slice(0, SHOWN_BYTES) };
  } catch (error) {
    return { unshown: String(error) };
  }
}
