/** Judges what leaves the coordinators: nothing that the journal does not entitle them to. */
import type { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { Subjects } from "../../../shared/bus/subjects.ts";
import type { DependencyResult, RunEvent } from "../../../shared/model/event.ts";
import type { Heartbeat, Order, Orders, Report } from "../../../shared/model/messages.ts";
import type { EventJudge } from "./event-judge.ts";
import { acceptedDigest, type Complain, type JobModel } from "./job-model.ts";
import type { JournalJudge } from "./journal-judge.ts";
import type { RunModel } from "./run-model.ts";

export class MessageJudge {
  /** What each agent last said it holds. */
  readonly held = new Map<string, Heartbeat["held"]>();
  /** By agent and lease: when it was last reported, as long as nobody settles it. */
  readonly #unsettledMs = new Map<string, Map<string, number>>();
  /** As each agent last called itself. */
  readonly incarnations = new Map<string, string>();
  readonly #codec: MessageCodec;
  readonly #journal: JournalJudge;
  readonly #events: EventJudge;
  readonly #complain: Complain;
  readonly #monotonicMs: () => number;
  readonly #prefixes: Readonly<Record<"to" | "from" | "dependency" | "run", string>>;

  constructor(
    subjects: Subjects,
    parts: { codec: MessageCodec; journal: JournalJudge; events: EventJudge; monotonicMs: () => number },
    complain: Complain,
  ) {
    this.#codec = parts.codec;
    this.#journal = parts.journal;
    this.#events = parts.events;
    this.#monotonicMs = parts.monotonicMs;
    this.#complain = complain;
    const { root } = subjects;
    this.#prefixes = {
      to: `${root}._.to.`,
      from: `${root}._.from.`,
      dependency: `${root}.dep.`,
      run: `${root}.run.`,
    };
  }

  /** Whether an agent has reported something since a time that nobody has settled. */
  hasUnsettled(agent: string, sinceMs: number): boolean {
    return [...(this.#unsettledMs.get(agent)?.values() ?? [])].some((atMs) => atMs > sinceMs);
  }

  /** Returns what it understood, for the trace. */
  onPublished(subject: string, payload: Uint8Array): string | undefined {
    const { to, from, dependency, run } = this.#prefixes;
    if (subject.startsWith(to)) return this.#onOrders(subject, this.#codec.decode(payload) as Orders);
    if (subject.startsWith(from)) return this.#onAgentMessage(subject, payload);
    if (subject.startsWith(dependency)) {
      return this.#onDependency(JSON.parse(Buffer.from(payload).toString()) as DependencyResult);
    }
    if (subject.startsWith(run)) this.#events.onLive(JSON.parse(Buffer.from(payload).toString()) as RunEvent);
    return undefined;
  }

  #onOrders(subject: string, { epoch, number, orders }: Orders): string {
    const agent = subject.split(".").at(-2) ?? "";
    for (const order of orders) this.#judgeOrder(agent, order, epoch);
    return `orders ${epoch}.${number}: ${orders.map(describeOrder).join(", ")}`;
  }

  #judgeOrder(agent: string, order: Order, epoch: number): void {
    if (order.kind === "mode" || order.kind === "ask") return;
    const { run, job: index, attempt, lease } = order.kind === "start" ? order.request : order;
    if (order.kind === "settle") this.#unsettledMs.get(agent)?.delete(lease);
    const known = this.#journal.leases.get(lease);
    const inForce = known?.run.leaseOf(known.job);
    // What is ordered of an attempt that the agent does not have does nothing.
    const isInForce = inForce?.lease === lease && inForce.attempt === attempt && inForce.agent === agent;
    const what = `${run}: ${order.kind} of attempt ${attempt} of job ${index}`;
    if (order.kind === "start") {
      if (known === undefined) this.#complain("storedFirst", `${what} is ordered without a stored lease`);
      else this.#judgeStart(known, order, what);
    }
    // What a deposed leader orders of a run that another one has taken up is refused by the agents.
    if (epoch < this.#journal.epochOf(run)) return;
    if (order.kind === "settle" && isInForce) {
      this.#complain("storedFirst", `${what} is ordered before its end is stored`);
    }
    if (order.kind === "cancel" && isInForce && known !== undefined && !known.run.mayBeEnded(known.job)) {
      this.#complain("storedFirst", `${what} is ordered though nobody asked for it`);
    }
  }

  #judgeStart(
    known: { readonly run: RunModel; readonly job: JobModel },
    { request }: Extract<Order, { kind: "start" }>,
    what: string,
  ): void {
    const { run, job } = known;
    if (run.run !== request.run || job.index !== request.job)
      this.#complain("storedFirst", `${what}: another's lease`);
    if (job.spec.name !== request.spec.name)
      this.#complain("storedFirst", `${what}: it is ${request.spec.name}`);
  }

  #onAgentMessage(subject: string, payload: Uint8Array): string | undefined {
    const [kind, agent = ""] = subject.split(".").reverse();
    const body = this.#codec.decode(payload) as Heartbeat & Report;
    this.incarnations.set(agent, body.incarnation);
    if (kind === "heartbeat") this.held.set(agent, body.held);
    if (kind !== "report" || body.items.length === 0) return kind === "heartbeat" ? undefined : kind;
    this.#journal.onReported(agent, body.items);
    const unsettled = this.#unsettledMs.get(agent) ?? new Map<string, number>();
    this.#unsettledMs.set(agent, unsettled);
    for (const item of body.items)
      if (item.kind !== "started" && item.kind !== "progress") unsettled.set(item.lease, this.#monotonicMs());
    return `reports ${body.items.map((item) => `${item.kind} ${item.run}/${item.job}/${item.attempt}`).join(", ")}`;
  }

  #onDependency({ run, job, status, artifact }: DependencyResult): string {
    const model = this.#journal.runs.get(run);
    const known = model?.byName.get(job);
    if (model === undefined || known === undefined || model.endingOf(known) === undefined) {
      this.#complain("storedFirst", `${run}: the result of ${job} is told before it is stored`);
    } else if (known.phase === "succeeded" && status !== "succeeded") {
      this.#complain("storedFirst", `${run}: ${job} succeeded and is told as ${status}`);
    }
    const accepted = known === undefined ? undefined : acceptedDigest(known);
    if (status === "succeeded" && artifact?.digest !== accepted) {
      this.#complain(
        "storedFirst",
        `${run}: ${job} is told with the artifact ${artifact?.digest}, not ${accepted}`,
      );
    }
    return `tells ${run}/${job} ${status}`;
  }
}

function describeOrder(order: Order): string {
  if (order.kind === "mode") return `mode ${order.mode}`;
  if (order.kind === "ask") return `ask ${order.question.kind}`;
  const { run, job, attempt } = order.kind === "start" ? order.request : order;
  return `${order.kind} ${run}/${job}/${attempt}`;
}
