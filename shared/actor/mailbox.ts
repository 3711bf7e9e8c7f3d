/**
 * The messages that wait for one actor, in order of arrival.
 *
 * 1. At most `capacity` ordinary messages wait. Notices are not counted, and never refused or evicted.
 * 2. What is taken comes in the order in which it came in.
 * 3. Each message offered is either taken later, or handed back once: as itself, or as the victim.
 */
import type { MailboxOptions } from "./contract.ts";
import { Notice } from "./notice.ts";
import { Ring } from "./ring.ts";

const DEFAULT_CAPACITY = 10_000;

/** What became of an offered message; `evicted` took the place of the oldest one. */
export type Admission =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused" }
  | { readonly kind: "overflowed" }
  | { readonly kind: "evicted"; readonly victim: unknown };

const ACCEPTED: Admission = { kind: "accepted" };
const REFUSED: Admission = { kind: "refused" };
const OVERFLOWED: Admission = { kind: "overflowed" };

export class Mailbox {
  private readonly entries = new Ring<unknown>();
  private notices = 0;

  /** Everything that waits, notices included. */
  get length(): number {
    return this.entries.length;
  }

  offer(message: unknown, options: MailboxOptions): Admission {
    const capacity = options.capacity ?? DEFAULT_CAPACITY;
    if (this.entries.length - this.notices < capacity) {
      this.entries.push(message);
      return ACCEPTED;
    }
    if (options.overflow === "fail") return OVERFLOWED;
    if (options.overflow !== "dropOldest") return REFUSED;
    const victim = this.entries.remove(isOrdinary);
    this.entries.push(message);
    return { kind: "evicted", victim };
  }

  post(notice: Notice): void {
    this.notices++;
    this.entries.push(notice);
  }

  /** The next message or notice; only after a look at `length`. */
  take(): unknown {
    const entry = this.entries.shift();
    if (entry instanceof Notice) this.notices--;
    return entry;
  }
}

function isOrdinary(entry: unknown): boolean {
  return !(entry instanceof Notice);
}
