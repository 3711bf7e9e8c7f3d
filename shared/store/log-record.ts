/**
 * A log chunk as a message on `log.<run>.<job>.<attempt>.<agent>`: the bytes as the job wrote them, with its place in
 * headers. A log has no closing message; its length is in the attempt's result.
 */
import { headers, type MsgHdrs } from "nats";
import { MillraceError } from "../model/error.ts";
import type { LogChunk } from "./log-order.ts";

const OFFSET = "Millrace-Offset";
const ACKNOWLEDGED = "Millrace-Acknowledged";

/** Headers of a chunk. */
export function logHeaders({ offset, acknowledged }: Pick<LogChunk, "offset" | "acknowledged">): MsgHdrs {
  const made = headers();
  made.set(OFFSET, String(offset));
  made.set(ACKNOWLEDGED, String(acknowledged));
  return made;
}

/** Reads a stored message; `corrupt` when it is no log chunk. */
export function readLogChunk(message: {
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}): LogChunk {
  const offset = number(message.headers?.get(OFFSET));
  const acknowledged = number(message.headers?.get(ACKNOWLEDGED) || "0");
  if (offset === undefined || acknowledged === undefined || acknowledged > offset) {
    throw new MillraceError("corrupt", `a message on ${message.subject} is not part of a log`);
  }
  return { offset, acknowledged, bytes: message.data };
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
