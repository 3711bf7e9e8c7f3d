/**
 * Reads the log of one attempt: what is stored, then, if asked to, what comes. Without gap or repeat across
 * reconnects, with flat memory however slow the reader is. A log has no closing message: a follower is told by the
 * attempt's end how long it is.
 */
import type { Bus } from "../bus/connection.ts";
import { LogOrder, type LogPiece } from "./log-order.ts";
import { readLogChunk } from "./log-record.ts";
import { SubjectReader } from "./subject-reader.ts";

export interface LogQuery {
  readonly run: string;
  readonly job: string;
  readonly attempt: number;
  /** Waits for more until `totalBytes` is known and reached. Default: false, ends with what is stored. */
  readonly follow?: boolean;
  readonly fromOffset?: number;
  /** Length of the whole log, or a promise of it for when the attempt has ended; undefined: ended, length unknown. */
  readonly totalBytes?: number | Promise<number | undefined>;
  /** Ends the iteration quietly. */
  readonly signal?: AbortSignal;
}

const WINDOW_MESSAGES = 16;
/** How long after the attempt's end bytes may still come, counted from the last ones. */
const GRACE_MS = 2_000;

/** The end of a log as a reader learns it. */
type End =
  | { readonly kind: "open" }
  | { readonly kind: "ended"; readonly totalBytes: number | undefined }
  | { readonly kind: "failed"; readonly error: unknown };

/** The pieces of a log in order, from `fromOffset` on. */
export async function* readLog(bus: Bus, query: LogQuery): AsyncGenerator<LogPiece> {
  const { run, job, attempt, follow = false, signal } = query;
  const reader = new SubjectReader(bus.connection, {
    stream: bus.subjects.logStream(),
    subject: bus.subjects.logOf(run, job, attempt),
    follow,
    window: WINDOW_MESSAGES,
  });
  const abort = () => reader.close();
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  const grace = new Grace(() => reader.wake());
  let end = { kind: "open" } as End; // a plain annotation would be narrowed to what it is here
  const learn = (learnt: End) => {
    end = learnt;
    reader.wake();
  };
  if (query.totalBytes !== undefined) void endOf(query.totalBytes).then(learn);
  try {
    const order = new LogOrder(query.fromOffset);
    let subject: string | undefined;
    for (;;) {
      const totalBytes = lengthOf(end);
      if (totalBytes !== undefined && order.position >= totalBytes) return;
      const step = await reader.next();
      if (signal?.aborted) return;
      if (step === "end") return yield* order.finish(lengthOf(end));
      if (step === "woken") {
        if (end.kind === "open") continue;
        if (reader.caughtUp && grace.isOver) return yield* order.finish(lengthOf(end));
        grace.begin();
        continue;
      }
      grace.extend();
      subject ??= step.subject;
      // Only one agent runs an attempt; whatever another one sends under its number is not part of this log.
      if (step.subject === subject) yield* order.take(readLogChunk(step));
    }
  } finally {
    grace.stop();
    signal?.removeEventListener("abort", abort);
    reader.close();
  }
}

function lengthOf(end: End): number | undefined {
  if (end.kind === "failed") throw end.error;
  return end.kind === "ended" ? end.totalBytes : undefined;
}

async function endOf(totalBytes: NonNullable<LogQuery["totalBytes"]>): Promise<End> {
  try {
    return { kind: "ended", totalBytes: await totalBytes };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** The time that a follower gives the last bytes of an ended attempt. */
class Grace {
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;
  #until: number | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  get isOver(): boolean {
    return this.#until !== undefined && performance.now() >= this.#until;
  }

  /** Begins, or goes on. */
  begin(): void {
    this.#until ??= performance.now() + GRACE_MS;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#wake, Math.max(1, this.#until - performance.now() + 1));
  }

  /** Something has come: counts from now. */
  extend(): void {
    if (this.#until !== undefined) this.#until = performance.now() + GRACE_MS;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
