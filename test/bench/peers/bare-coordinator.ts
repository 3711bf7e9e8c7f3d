/** The coordinator's side of the bare exchange: runs the graphs that its parent sends, one at a time. */
import { randomUUID } from "node:crypto";
import { headers } from "nats";
import { connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { AckInbox } from "../../../shared/store/ack-inbox.ts";
import { AGENT, type BareRequest, type BareResult, codec } from "./bare-messages.ts";

/** As many as ours: a message has its limits. */
const MAX_GROUP = 1_000;

process.once("disconnect", () => process.exit());
const bus = await connectBus({
  server: process.env.MILLRACE_SERVER!,
  name: "bare coordinator",
  namespace: "default",
});
await ensureStreams(bus);
const { connection, subjects } = bus;
const acks = new AckInbox(connection);

/** Publishes to a stream in groups: one is in flight, what comes meanwhile goes into the next. */
class Groups {
  readonly #subject: string;
  readonly #encode: (items: readonly object[]) => Uint8Array;
  #waiting: { readonly item: object; readonly then: (() => void) | undefined }[] = [];
  #isStoring = false;
  #seq = 0;

  constructor(subject: string, encode: (items: readonly object[]) => Uint8Array) {
    this.#subject = subject;
    this.#encode = encode;
  }

  get isIdle(): boolean {
    return !this.#isStoring && this.#waiting.length === 0;
  }

  add(item: object, then?: () => void): void {
    this.#waiting.push({ item, then });
  }

  /** `stored` is called after what followed from the group. */
  store(stored: () => void): void {
    if (this.#isStoring || this.#waiting.length === 0) return;
    const group = this.#waiting.splice(0, MAX_GROUP);
    this.#isStoring = true;
    const outgoing = headers();
    outgoing.set("Nats-Expected-Last-Subject-Sequence", String(this.#seq));
    outgoing.set("Nats-Msg-Id", randomUUID());
    const payload = this.#encode(group.map(({ item }) => item));
    acks.publish(this.#subject, payload, outgoing, (answer) => {
      if (answer.kind !== "stored") throw new Error(`${this.#subject}: ${answer.reason}`);
      this.#seq = answer.seq;
      this.#isStoring = false;
      for (const { then } of group) then?.();
      stored();
    });
  }
}

async function run(needs: readonly (readonly number[])[]): Promise<number> {
  const started = performance.now();
  const name = randomUUID().slice(0, 8);
  const open = needs.map((own) => own.length);
  const dependants: number[][] = needs.map(() => []);
  for (const [job, own] of needs.entries()) for (const need of own) dependants[need]!.push(job);

  const journal = new Groups(subjects.journal(name), (records) => codec.encode(records));
  const events = new Groups(subjects.runEvents(name), (items) => Buffer.from(JSON.stringify(items)));
  let requests: BareRequest[] = [];
  let finished = 0;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  const flush = (): void => {
    if (requests.length > 0) connection.publish(subjects.toAgent(AGENT), codec.encode(requests));
    requests = [];
    journal.store(flush);
    events.store(flush);
    if (finished === needs.length && journal.isIdle && events.isIdle) end();
  };
  const assign = (job: number): void => {
    const lease = `${job}`.padStart(22, "abcdefghijklmnopqrstuv");
    const spec = { name: `j${job}`, run: { script: "true" } };
    const record = { type: "assigned", at: Date.now(), job, attempt: 1, agent: AGENT, lease };
    journal.add(record, () => requests.push({ run: name, job, attempt: 1, lease, spec }));
  };
  const onResult = ({ job, result }: BareResult): void => {
    const at = Date.now();
    journal.add({ type: "finished", at, job, attempt: 1, result }, () => {
      finished += 1;
      events.add({ v: 1, type: "job.succeeded", run: name, seq: finished, at, job: `j${job}`, ...result });
      connection.publish(subjects.dependency(name, `j${job}`), codec.encode({ job, outcome: "succeeded" }));
    });
  };
  const dependencies = connection.subscribe(subjects.dependencyAll(name), {
    callback: (_error, message) => {
      const { job } = codec.decode(message.data) as { job: number };
      for (const dependant of dependants[job]!) {
        open[dependant]! -= 1;
        if (open[dependant] === 0) assign(dependant);
      }
      journal.store(flush);
    },
  });
  const reports = connection.subscribe(subjects.fromAgent(AGENT, "report"), {
    callback: (_error, message) => {
      for (const result of codec.decode(message.data) as BareResult[]) onResult(result);
      journal.store(flush);
    },
  });
  for (const [job, count] of open.entries()) if (count === 0) assign(job);
  flush();
  await ended;
  dependencies.unsubscribe();
  reports.unsubscribe();
  return performance.now() - started;
}

process.on("message", ({ needs }: { needs: number[][] }) => {
  void run(needs).then((tookMs) => process.send!({ tookMs }));
});
process.send!("ready");
