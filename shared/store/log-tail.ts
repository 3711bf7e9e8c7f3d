/** The end of a log, found from the end of the stream: a long log is not read from its start. */
import type { Bus } from "../bus/connection.ts";
import { LogOrder } from "./log-order.ts";
import { readLogChunk } from "./log-record.ts";
import { type SubjectReaderOptions, storedMessages } from "./subject-reader.ts";

export interface TailQuery {
  readonly run: string;
  readonly job: string;
  readonly attempt: number;
  readonly lines: number;
}

/** How a log is read: up to its end, and not too much at a time. */
const reading = { follow: false, window: 32 };
const FIRST_SPAN_MESSAGES = 64;
const SPAN_GROWTH = 16;
/** Of a log with longer lines than this allows for, the last line may come cut. */
const MAX_TAIL_BYTES = 256 * 1024;

/** The last lines of an attempt's log as it is stored now; fewer when it has fewer. */
export async function tailLog(bus: Bus, { run, job, attempt, lines }: TailQuery): Promise<string[]> {
  const stream = bus.subjects.logStream();
  const subject = bus.subjects.logOf(run, job, attempt);
  let last = 0;
  const ends = storedMessages(bus.connection, { ...reading, stream, subject, lastOfEach: true });
  for await (const { seq } of ends) last = Math.max(last, seq);
  if (last === 0) return [];
  for (let span = FIRST_SPAN_MESSAGES; ; span *= SPAN_GROWTH) {
    const fromSeq = Math.max(1, last - span);
    const tail = await tailFrom(bus, { ...reading, stream, subject, fromSeq });
    const found = lastLines(tail.bytes, lines, tail.isWhole);
    if (found.length === lines || tail.isWhole || tail.isFull || fromSeq === 1) return found;
  }
}

/** The last lines of the bytes; the first line is left out when it may be cut, unless there is no other. */
export function lastLines(bytes: Uint8Array, lines: number, isWhole: boolean): string[] {
  const all = Buffer.from(bytes).toString().split("\n");
  if (all.at(-1) === "") all.pop();
  if (!isWhole && all.length > 1) all.shift();
  return lines > 0 ? all.slice(-lines) : [];
}

interface Tail {
  readonly bytes: Uint8Array;
  /** It is the log from its first byte on. */
  readonly isWhole: boolean;
  /** There is more before it than is kept. */
  readonly isFull: boolean;
}

async function tailFrom(bus: Bus, place: SubjectReaderOptions): Promise<Tail> {
  let order: LogOrder | undefined;
  let kept = Buffer.alloc(0);
  let isWhole = false;
  let isFull = false;
  const keep = (pieces: ReturnType<LogOrder["take"]>) => {
    for (const piece of pieces) {
      if (piece.kind === "lost") continue;
      const joined = Buffer.concat([kept, piece.bytes]);
      isFull ||= joined.length > MAX_TAIL_BYTES;
      kept = joined.subarray(Math.max(0, joined.length - MAX_TAIL_BYTES));
    }
  };
  for await (const message of storedMessages(bus.connection, place)) {
    const chunk = readLogChunk(message);
    isWhole ||= order === undefined && chunk.offset === 0;
    order ??= new LogOrder(chunk.offset);
    keep(order.take(chunk));
  }
  if (order !== undefined) keep(order.finish());
  return { bytes: kept, isWhole: isWhole && !isFull, isFull };
}
