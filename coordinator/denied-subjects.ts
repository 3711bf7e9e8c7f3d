/**
 * What the server denies a coordinator. It is told once for each subject, with what to do. Where nothing can be done
 * without the subject the coordinator ends: one that leads and is not heard, or hears nothing, is worse than none.
 *
 * Vital is whatever it subscribes to, the journal and the events, orders, and what coordinators say to each other; while
 * it starts, each request to JetStream, too. A reply goes where its request says, so that one is denied is no reason to
 * end; nor is a live event that nobody gets.
 */
import type { Logger } from "../shared/actor/contract.ts";
import type { BusStatus } from "../shared/bus/connection.ts";
import type { Subjects } from "../shared/bus/subjects.ts";
import { MillraceError } from "../shared/model/error.ts";

type Denied = Extract<BusStatus, { kind: "denied" }>;

/** What is denied may have the name of a run or an agent in it. */
const MOST_TOLD = 100;
const vitalRequest = /^\$JS\.API\.(STREAM\.MSG\.GET|CONSUMER\.(CREATE|DURABLE\.CREATE|MSG\.NEXT))\.([^.]+)/;

export class DeniedSubjects {
  /** The streams have still to be looked at, or made. */
  isStarting = true;
  readonly #subjects: Subjects;
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(subjects: Subjects, log: Logger) {
    this.#subjects = subjects;
    this.#log = log;
  }

  /** Tells of it; returns why the coordinator can't work, if it can't. */
  take({ operation, subject }: Denied): MillraceError | undefined {
    const isSubscription = operation === "subscription";
    const denied = `${isSubscription ? "subscribing" : "publishing"} to ${subject}`;
    const fix = "Allow it for the coordinators' user in nats-server's configuration.";
    if (!this.#told.has(denied) && this.#told.size < MOST_TOLD) {
      this.#told.add(denied);
      this.#log.error({ operation, subject, fix }, `permission denied: ${denied}`);
    }
    if (!isSubscription && !this.#isVital(subject)) return undefined;
    return new MillraceError(
      "unavailable",
      `the server denies ${denied}, which a coordinator can't do without`,
      {
        fix,
      },
    );
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
