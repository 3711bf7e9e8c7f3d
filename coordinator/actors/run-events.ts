/**
 * The events of one run on their way out: live at once, each on its own subject; durable in groups, one message in
 * flight, in order. Both only after the append of the record they come from.
 */
import type { Context } from "../../shared/actor/contract.ts";
import { reasonOf } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import type { RunMessage } from "./messages.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

/** Keeps a durable message well under the server's largest. */
const MAX_EVENTS = 1000;

export class RunEvents {
  readonly #run: string;
  readonly #surroundings: RunSurroundings;
  readonly #context: Context<RunMessage>;
  #waiting: RunEvent[] = [];
  #isStoring = false;

  constructor(run: string, surroundings: RunSurroundings, context: Context<RunMessage>) {
    this.#run = run;
    this.#surroundings = surroundings;
    this.#context = context;
  }

  get isIdle(): boolean {
    return !this.#isStoring && this.#waiting.length === 0;
  }

  add(events: readonly RunEvent[], options: { isLive: boolean }): void {
    if (options.isLive) for (const event of events) this.#publish(event);
    // One by one: a record may have more events than a call takes arguments.
    for (const event of events) this.#waiting.push(event);
    this.#store();
  }

  onStored(): void {
    this.#isStoring = false;
    this.#store();
  }

  #store(): void {
    if (this.#isStoring || this.#waiting.length === 0) return;
    const events = this.#waiting.splice(0, MAX_EVENTS);
    this.#isStoring = true;
    this.#context.pipe(
      this.#surroundings.eventLog.store(this.#run, events[0]?.seq ?? 0, events),
      () => ({ kind: "eventsStored" }),
      (error) => ({ kind: "eventsFailed", reason: reasonOf(error) }),
    );
  }

  #publish(event: RunEvent): void {
    const { subjects } = this.#surroundings;
    const subject =
      "job" in event
        ? subjects.jobEvent(this.#run, event.job, event.type)
        : subjects.runEvent(this.#run, event.type);
    this.#context.publish(subject, Buffer.from(JSON.stringify(event)));
  }
}
