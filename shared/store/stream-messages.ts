/** Single requests about the messages of a stream, answered by its leader. */
import { MsgHdrsImpl, type NatsConnection } from "nats";
import { z } from "zod";
import { MillraceError } from "../model/error.ts";
import { askJetStream, type JetStreamAnswer } from "./jetstream-request.ts";
import type { StoredMessage } from "./subject-reader.ts";

const MESSAGE_NOT_FOUND = 10037;
const DIRECT_TIMEOUT_MS = 3_000;

/** The server leaves out what is empty. */
const lastSchema = z.object({
  message: z.object({
    subject: z.string(),
    seq: z.number(),
    time: z.string(),
    hdrs: z.string().default(""),
    data: z.string().default(""),
  }),
});
const purgeSchema = z.object({ success: z.boolean() });

/** The last message that matches; never by a replica that may lag. */
export async function lastMessage(
  connection: NatsConnection,
  stream: string,
  filter: string,
  signal?: AbortSignal,
): Promise<StoredMessage | undefined> {
  const verb = `STREAM.MSG.GET.${stream}`;
  const answer = await askJetStream(connection, verb, { last_by_subj: filter }, lastSchema, signal);
  if (answer.kind === "refused" && answer.code === MESSAGE_NOT_FOUND) return undefined;
  const { subject, seq, time, hdrs, data } = granted(answer, `cannot read the stream ${stream}`).message;
  return {
    subject,
    seq,
    storedAtMs: Date.parse(time),
    headers: hdrs === "" ? undefined : MsgHdrsImpl.decode(Buffer.from(hdrs, "base64")),
    data: Buffer.from(data, "base64"),
  };
}

/** A message without its subject and headers. */
export type StoredBytes = Pick<StoredMessage, "seq" | "storedAtMs" | "data">;

/** The last message of a subject as any replica has it: may be a moment old, and so missing. */
export async function lastMessageDirect(
  connection: NatsConnection,
  stream: string,
  subject: string,
  signal?: AbortSignal,
): Promise<StoredBytes | undefined> {
  signal?.throwIfAborted();
  try {
    const answer = await connection.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, undefined, {
      timeout: DIRECT_TIMEOUT_MS,
    });
    if (answer.headers?.code === 404) return undefined;
    if (answer.headers?.has("Nats-Sequence")) {
      return {
        seq: Number(answer.headers.get("Nats-Sequence")),
        storedAtMs: Date.parse(answer.headers.get("Nats-Time-Stamp")),
        data: answer.data,
      };
    }
  } catch {
    // No replica answers directly, or not now: the leader is asked until it does.
  }
  return await lastMessage(connection, stream, subject, signal);
}

/** Removes the messages that match, up to a sequence where one is given. */
export async function purgeMessages(
  connection: NatsConnection,
  stream: string,
  { filter, upTo }: { readonly filter: string; readonly upTo?: number },
  signal?: AbortSignal,
): Promise<void> {
  const request = { filter, ...(upTo === undefined ? {} : { seq: upTo + 1 }) };
  const answer = await askJetStream(connection, `STREAM.PURGE.${stream}`, request, purgeSchema, signal);
  granted(answer, `cannot purge ${filter} of the stream ${stream}`);
}

function granted<T>(answer: JetStreamAnswer<T>, problem: string): T {
  if (answer.kind === "done") return answer.result;
  throw new MillraceError("unavailable", `${problem}: ${answer.reason}`, {
    fix: "See that JetStream runs, and that these credentials may read the stream and remove from it.",
  });
}
