/** The edge towards agents: what arrives under `_.from` is validated here, once. */
import {
  type Bye,
  byeSchema,
  type Heartbeat,
  type Hello,
  heartbeatSchema,
  helloSchema,
  type Report,
  reportSchema,
} from "../../shared/model/messages.ts";

export type FromAgent =
  | { readonly type: "hello"; readonly body: Hello }
  | { readonly type: "heartbeat"; readonly body: Heartbeat }
  | { readonly type: "report"; readonly body: Report }
  | { readonly type: "bye"; readonly body: Bye };

/** The message, or undefined for one of an unknown kind or shape. */
export function parseFromAgent(type: string, decoded: unknown): FromAgent | undefined {
  switch (type) {
    case "hello":
      return accepted(type, helloSchema.safeParse(decoded));
    case "heartbeat":
      return accepted(type, heartbeatSchema.safeParse(decoded));
    case "report":
      return accepted(type, reportSchema.safeParse(decoded));
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
