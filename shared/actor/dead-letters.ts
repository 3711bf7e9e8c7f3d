/**
 * What becomes of messages nobody took: counted, told to listeners, and published for operators.
 *
 * Publishing must not make a bad day worse: a bucket of `perSecond` lets so many through, what it holds back is only
 * counted and said with the next one published; a large payload is left out; and a dead letter is never itself a
 * message to an actor.
 */
import type { Cancel, Clock, Codec, Logger, Transport } from "./contract.ts";
import type { Counters } from "./host.ts";

const LARGEST_PAYLOAD_BYTES = 4096;

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
  readonly codec: Codec;
  readonly transport: Transport;
  readonly counters: Counters;
  readonly log: Logger;
}

export class DeadLetters {
  private readonly settings: DeadLetterSettings;
  private readonly listeners = new Set<(letter: DeadLetter) => void>();
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
    const letter = { reason, node: this.settings.node, target, payload };
    this.tell(letter);
    if (this.mayPublish()) this.publish(letter);
    else this.suppressed++;
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
    const { clock, codec, transport, subject, log } = this.settings;
    const record = { v: 1, reason, node, target, at: clock.now(), suppressed: this.suppressed };
    this.suppressed = 0;
    try {
      transport.publish(subject, codec.encode({ ...record, ...this.shown(payload) }));
    } catch (error) {
      // Whoever sent the message is not to fail for its report.
      log.warn({ target, reason, error }, "a dead letter could not be published");
    }
  }

  private shown(payload: unknown): object {
    try {
      const { byteLength } = this.settings.codec.encode(payload);
      return byteLength <= LARGEST_PAYLOAD_BYTES ? { payload } : { payloadBytes: byteLength };
    } catch (error) {
      return { unencodable: String(error) };
    }
  }
}
