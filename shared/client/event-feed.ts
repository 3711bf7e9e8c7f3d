/**
 * Events from the durable stream: replayed, then followed. The stream is read in order across restarts of the server
 * (`SubjectReader`), and has each event once, or again with its number (`EventOrder`).
 *
 * A run that is followed ends its feed by `run.finished`. Its events may be gone, or the run may never have been
 * there: the coordinator is asked once, beside the reading, so that nobody waits for what will not come.
 */
import type { Bus } from "../bus/connection.ts";
import { callApi } from "../bus/request.ts";
import { MillraceError } from "../model/error.ts";
import type { AgentEvent, RunEvent } from "../model/event.ts";
import { type ReadStep, SubjectReader } from "../store/subject-reader.ts";
import type { EventOptions } from "./client.ts";
import { readEvents } from "./event-message.ts";
import { EventOrder } from "./event-order.ts";

const WINDOW = 128;

/** What the coordinator says of a run; `gone`: there is none, and why it says so. */
type RunKnowledge =
  | { readonly kind: "unknown" }
  | { readonly kind: "living" }
  | { readonly kind: "ended" }
  | { readonly kind: "gone"; readonly error: MillraceError };

export interface FeedOptions extends EventOptions {
  /** Start with the last stored message of the run instead of its first. */
  readonly fromLatest?: boolean;
}

/** Gives the events that match, in the order of the stream. */
export async function* readEventFeed(
  bus: Bus,
  options: FeedOptions,
  requestTimeoutMs: number,
): AsyncGenerator<RunEvent | AgentEvent> {
  const { run, follow = false, signal } = options;
  const types = options.type === undefined ? undefined : new Set<string>([options.type].flat());
  const isWanted = (type: string): boolean => types === undefined || types.has(type);
  const wants = eventTest(options);
  const order = new EventOrder();
  const asked = run === undefined ? undefined : askRun(bus, run, requestTimeoutMs);
  let knowledge: RunKnowledge | undefined;
  let hasEvents = false;
  let reader = openReader(bus, options, follow);
  const wake = () => reader.wake();
  signal?.addEventListener("abort", wake);
  const answered = asked?.then((answer) => {
    knowledge = answer;
    wake();
  });
  try {
    while (!signal?.aborted) {
      const step = await nextStep(reader, bus, requestTimeoutMs);
      if (step === "end" && !hasEvents) await answered;
      if (step === "end" || step === "woken") {
        const known = knowledge as RunKnowledge | undefined;
        if (!hasEvents && known?.kind === "gone") throw known.error;
        if (step === "end" && (!follow || !hasEvents)) return;
        // An ended run's events are all stored, or will be in a moment, or are gone: look which.
        if (step === "woken" && (hasEvents || known?.kind !== "ended")) continue;
        reader.close();
        reader = openReader(bus, options, step === "end");
        continue;
      }
      for (const { seq, type, run: of, event } of readEvents(step.data, isWanted)) {
        if (!hasEvents) refuseLate(options, seq);
        hasEvents = true;
        if (of !== undefined && !order.isNews(of, seq, type)) continue;
        if (event !== undefined && wants(event)) yield event;
        if (signal?.aborted) return;
        if (run !== undefined && follow && type === "run.finished") return;
      }
    }
  } finally {
    signal?.removeEventListener("abort", wake);
    reader.close();
  }
}

/** A new namespace has no stream before its first coordinator has started: then that is waited for. */
async function nextStep(reader: SubjectReader, bus: Bus, timeoutMs: number): Promise<ReadStep> {
  try {
    return await reader.next();
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== "notFound") throw error;
    await callApi(bus, "status", {}, { timeoutMs });
    return await reader.next();
  }
}

function openReader(
  bus: Bus,
  { run, job, type, since, fromLatest = false }: FeedOptions,
  follow: boolean,
): SubjectReader {
  const { subjects } = bus;
  const ofAgents = [type ?? []].flat().map((name) => name.startsWith("agent."));
  const subject =
    run !== undefined
      ? subjects.runEvents(run)
      : job !== undefined || (ofAgents.length > 0 && !ofAgents.includes(true))
        ? subjects.runEventsAll()
        : `${subjects.root}.>`;
  return new SubjectReader(bus.connection, {
    stream: subjects.eventStream(),
    subject,
    follow,
    window: WINDOW,
    lastOfEach: fromLatest,
    ...(since === undefined ? {} : { fromTime: since }),
  });
}

function eventTest({ job, from = 1 }: EventOptions): (event: RunEvent | AgentEvent) => boolean {
  return (event) =>
    (job === undefined || ("job" in event && event.job === job)) && (!("run" in event) || event.seq >= from);
}

/** Who asks for events by number is told when they are gone. */
function refuseLate({ run, from, since }: EventOptions, first: number): void {
  if (from === undefined || since !== undefined || first <= from) return;
  throw new MillraceError("notFound", `events before ${first} of run ${run} are no longer kept`, {
    fix: `Start from ${first}.`,
  });
}

async function askRun(bus: Bus, run: string, timeoutMs: number): Promise<RunKnowledge> {
  try {
    const { status } = await callApi(bus, "run", { run }, { timeoutMs });
    return { kind: status === "running" || status === "cancelling" ? "living" : "ended" };
  } catch (error) {
    if (error instanceof MillraceError && error.code === "notFound") return { kind: "gone", error };
    return { kind: "unknown" }; // no coordinator now: the events alone must do
  }
}
