/**
 * The events of one run on their way out: live at once, each on its own subject; durable in groups, one message in
 * flight, in order. Both only after the append of the record they come from.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import type { RunMessage } from "./messages.ts";
import type { RunPatience } from "./run-patience.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

/** Keeps a durable message well under the server's largest. */
const MAX_EVENTS = 1000;

export class RunEvents {
  readonly #run: string;
  readonly #surroundings: RunSurroundings;
  readonly #patience: RunPatience;
  readonly #context: Context<RunMessage>;
  #waiting: RunEvent[] = [];
  /** Of those, how many are stored or under way. */
  #taken = 0;
  #isStoring = false;

  constructor(
    run: string,
    surroundings: RunSurroundings,
    patience: RunPatience,
    context: Context<RunMessage>,
  ) {
    this.#run = run;
    this.#surroundings = surroundings;
    this.#patience = patience;
    this.#context = context;
  }

  /** Whether all that was told to be stored is. */
  get isIdle(): boolean {
    return !this.#isStoring;
  }

  add(events: readonly RunEvent[], options: { isLive: boolean }): void {
    if (options.isLive) for (const event of events) this.#publish(event);
    // One by one: a record may have more events than a call takes arguments.
    for (const event of events) this.#waiting.push(event);
  }

  onStored(): void {
    this.#isStoring = false;
    this.store();
  }

  /** Stores what was added, unless a message is in flight: then when that is stored. */
  store(): void {
    if (this.#isStoring || this.#taken === this.#waiting.length) return;
    const events = this.#waiting.slice(this.#taken, this.#taken + MAX_EVENTS);
    this.#taken += events.length;
    // Now and then, as what is behind has to be moved: that of a large run is a hundred thousand.
    if (this.#taken > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#taken);
      this.#taken = 0;
    }
    this.#isStoring = true;
    const { eventLog } = this.#surroundings;
    const request = (): Promise<void> => eventLog.store(this.#run, events[0]?.seq ?? 0, events);
    const name = "the storing of its events";
    this.#patience.ask({ name, request }, () => ({ kind: "eventsStored" }), this.#context);
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
