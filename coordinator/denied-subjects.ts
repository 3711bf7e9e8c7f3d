/**
 * What the server denies a coordinator. It is told once for each subject, with what to do. Where nothing can be done
 * without the subject the coordinator ends: one that leads and is not heard, or hears nothing, is worse than none.
 *
 * Vital is whatever it subscribes to, the journal and the events, orders, and what coordinators say to each other; while
 * it starts, each request to JetStream, too. A reply goes where its request says, so that one is denied is no reason to
 * end; nor is a live event that nobody gets.
 */
import type { Logger } from "../shared/actor/contract.ts";
import { Denials, type Denied } from "../shared/bus/denials.ts";
import type { Subjects } from "../shared/bus/subjects.ts";
import type { MillraceError } from "../shared/model/error.ts";

const vitalRequest = /^\$JS\.API\.(STREAM\.MSG\.GET|CONSUMER\.(CREATE|DURABLE\.CREATE|MSG\.NEXT))\.([^.]+)/;

export class DeniedSubjects {
  /** The streams have still to be looked at, or made. */
  isStarting = true;
  readonly #subjects: Subjects;
  readonly #denials: Denials;

  constructor(subjects: Subjects, log: Logger) {
    this.#subjects = subjects;
    this.#denials = new Denials({ log, who: "a coordinator", user: "the coordinators' user" });
  }

  /** Tells of it; returns why the coordinator can't work, if it can't. */
  take(denied: Denied): MillraceError | undefined {
    this.#denials.tell(denied);
    const isVital = denied.operation === "subscription" || this.#isVital(denied.subject);
    return isVital ? this.#denials.asError(denied) : undefined;
  }

  #isVital(subject: string): boolean {
    const { root } = this.#subjects;
    if (this.isStarting && subject.startsWith("$JS.API.")) return true;
    const stream = vitalRequest.exec(subject)?.[3];
    if (stream !== undefined) {
      return stream === this.#subjects.journalStream() || stream === this.#subjects.eventStream();
    }
    if (subject.startsWith(`${root}.run.`)) return subject.endsWith(".events");
    if (subject.startsWith(`${root}._.`)) return subject !== this.#subjects.deadLetters();
    return subject.startsWith(`${root}.dep.`);
  }
}
