/** The edge towards agents: what arrives under `_.from` is validated here, once. */
import type { Codec } from "../../shared/actor/contract.ts";
import {
  type AnswerReport,
  answerReportSchema,
  type Bye,
  byeSchema,
  type Heartbeat,
  type Hello,
  heartbeatSchema,
  helloSchema,
  PROTOCOL_VERSION,
  type Report,
  reportSchema,
} from "../../shared/model/messages.ts";
import { subjectToken } from "../../shared/model/name.ts";

export type FromAgent =
  | { readonly type: "hello"; readonly body: Hello }
  | { readonly type: "heartbeat"; readonly body: Heartbeat }
  | { readonly type: "report"; readonly body: Report }
  | { readonly type: "answer"; readonly body: AnswerReport }
  | { readonly type: "bye"; readonly body: Bye };

/**
 * Something that is no message of an agent: no MessagePack or of another shape, too large, of another protocol version,
 * or under the token of somebody else.
 */
export interface RefusedMessage {
  readonly type: "refused";
  readonly reason: "malformed" | "oversized" | "version" | "identity";
}

/** A server with its usual settings carries no more; an agent divides what is longer. */
const MAX_BYTES = 1024 * 1024;

/** Reads what came on `_.from.<token>.<type>`; never throws. */
export function readFromAgent(
  codec: Codec,
  { token, type }: { readonly token: string; readonly type: string },
  payload: Uint8Array,
): FromAgent | RefusedMessage {
  if (payload.length > MAX_BYTES) return refused("oversized");
  let decoded: unknown;
  try {
    decoded = codec.decode(payload);
  } catch {
    // Whatever is wrong with bytes that are no MessagePack, the dead letter shows them.
    return refused("malformed");
  }
  const message = parseFromAgent(type, decoded);
  if (message === undefined) return refused(isOfOtherVersion(decoded) ? "version" : "malformed");
  return subjectToken(message.body.agent) === token ? message : refused("identity");
}

function refused(reason: RefusedMessage["reason"]): RefusedMessage {
  return { type: "refused", reason };
}

/** The message, or undefined for one of an unknown kind or shape. */
function parseFromAgent(type: string, decoded: unknown): FromAgent | undefined {
  switch (type) {
    case "hello":
      return accepted(type, helloSchema.safeParse(decoded));
    case "heartbeat":
      return accepted(type, heartbeatSchema.safeParse(decoded));
    case "report":
      return accepted(type, reportSchema.safeParse(decoded));
    case "answer":
      return accepted(type, answerReportSchema.safeParse(decoded));
    case "bye":
      return accepted(type, byeSchema.safeParse(decoded));
    default:
      return undefined;
  }
}

function accepted<T extends string, B>(
  type: T,
  parsed: { success: boolean; data?: B },
): { type: T; body: B } | undefined {
  return parsed.success && parsed.data !== undefined ? { type, body: parsed.data } : undefined;
}

function isOfOtherVersion(decoded: unknown): boolean {
  if (typeof decoded !== "object" || decoded === null || !("v" in decoded)) return false;
  return Number.isInteger(decoded.v) && decoded.v !== PROTOCOL_VERSION;
}
