/** Judges the events: numbered without gap or repeat, never ahead of the journal, and in the end equal to it. */
import type { StoredRecord } from "../../../coordinator/journal/record-stream.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import type { Complain, JobModel } from "./job-model.ts";
import type { RunModel } from "./run-model.ts";

/** Events that tell the end of a job, and what it ended as. */
const FINAL = new Map([
  ...["job.succeeded", "job.failed", "job.blocked", "job.skipped", "job.cancelled"].map(
    (type) => [type, type] as const,
  ),
  ["job.reused", "job.succeeded"],
]);

export class EventJudge {
  readonly #runs: ReadonlyMap<string, RunModel>;
  readonly #complain: Complain;
  readonly #lastSeq = new Map<string, number>();
  /** How each job of a run has ended by its events. */
  readonly #finals = new Map<string, Map<string, string>>();

  constructor(runs: ReadonlyMap<string, RunModel>, complain: Complain) {
    this.#runs = runs;
    this.#complain = complain;
  }

  onStored({ payload }: StoredRecord): void {
    const events = JSON.parse(Buffer.from(payload).toString()) as (RunEvent | { readonly type: string })[];
    for (const event of events) if ("run" in event) this.#onStoredEvent(event);
  }

  /** A run of that name begins anew. */
  forget(run: string): void {
    this.#lastSeq.delete(run);
    this.#finals.delete(run);
  }

  /** Only these are left of what was stored. */
  rewind(kept: readonly StoredRecord[]): void {
    this.#lastSeq.clear();
    this.#finals.clear();
    for (const record of kept) this.onStored(record);
  }

  /** An event that was said live, before or after it was stored. */
  onLive(event: RunEvent): void {
    const problem = this.#problemOf(event);
    if (problem !== undefined)
      this.#complain("eventsFollowJournal", `${event.run}: ${describe(event)} is said ${problem}`);
  }

  /** Once all is quiet: every job's end has been told, as the journal has it. */
  judgeEnd(): void {
    for (const model of this.#runs.values()) {
      if (model.isStray) continue;
      const finals = this.#finals.get(model.run);
      for (const job of model.jobs) {
        const told = finals?.get(job.spec.name) ?? "nothing";
        if (!agrees(job, told)) {
          this.#complain(
            "eventsFollowJournal",
            `${model.run}: ${job.spec.name} ended ${job.ending}, told is ${told}`,
          );
        }
      }
    }
  }

  #onStoredEvent(event: RunEvent): void {
    const last = this.#lastSeq.get(event.run) ?? 0;
    if (event.seq !== last + 1) {
      this.#complain("eventsNumbered", `${event.run}: event ${event.seq} is stored behind ${last}`);
    }
    this.#lastSeq.set(event.run, event.seq);
    const problem = this.#problemOf(event);
    if (problem !== undefined)
      this.#complain("eventsFollowJournal", `${event.run}: ${describe(event)} is stored ${problem}`);
    if (!FINAL.has(event.type) || !("job" in event)) return;
    const finals = this.#finals.get(event.run) ?? new Map<string, string>();
    this.#finals.set(event.run, finals);
    if (finals.has(event.job))
      this.#complain("eventsOnce", `${event.run}: ${event.job} ends twice by its events`);
    finals.set(event.job, FINAL.get(event.type) ?? event.type);
  }

  #problemOf(event: RunEvent): string | undefined {
    const model = this.#runs.get(event.run);
    if (model === undefined) return "before its run is stored";
    if (event.type === "run.finished")
      return model.ended === undefined ? "before the end is stored" : undefined;
    if (!("job" in event)) return undefined;
    const job = model.byName.get(event.job);
    if (job === undefined) return "of an unknown job";
    if (FINAL.has(event.type)) {
      model.endingOf(job);
      return agrees(job, FINAL.get(event.type) ?? event.type) ? undefined : `though it ended ${job.ending}`;
    }
    if (!("attempt" in event) || event.attempt === null) return undefined;
    const lease = job.leases[event.attempt - 1];
    if (lease?.agent !== event.agent) return "of an unknown attempt";
    if (event.type === "job.returned" || event.type === "job.retrying")
      return lease.isOver ? undefined : "too early";
    if (event.type === "job.started") return lease.hasStarted || lease.isOver ? undefined : "too early";
    return undefined;
  }
}

function agrees(job: JobModel, told: string): boolean {
  if (job.phase !== undefined) return told === `job.${job.phase}`;
  switch (job.ending) {
    case "bad":
      return told === "job.blocked";
    case "skipped":
      return told === "job.skipped";
    case "mixed":
      return told === "job.blocked" || told === "job.skipped";
    default:
      return false;
  }
}

function describe(event: RunEvent): string {
  return "job" in event ? `${event.type} of ${event.job}` : event.type;
}
