import { z } from "zod";
import { type AgentEvent, agentEventSchema, type RunEvent, runEventSchema } from "../model/event.ts";

/** What every event has, also one of a type that this version does not know. */
const headSchema = z.object({
  seq: z.number().int().positive(),
  type: z.string(),
  run: z.string().optional(),
});

/** One event of a message: its place, and itself if it is of a known type. */
export interface ReadEvent {
  readonly seq: number;
  readonly type: string;
  /** Undefined for the fleet's. */
  readonly run: string | undefined;
  readonly event: RunEvent | AgentEvent | undefined;
}

/** Reads a message of the event stream. Fields that this version does not know stay in the events. */
export function readEvents(payload: Uint8Array): ReadEvent[] {
  const items = z.array(headSchema.loose()).parse(JSON.parse(new TextDecoder().decode(payload)));
  return items.map((item) => {
    const schema = item.run === undefined ? agentEventSchema : runEventSchema;
    const isKnown = schema.safeParse(item).success;
    return {
      seq: item.seq,
      type: item.type,
      run: item.run,
      event: isKnown ? (item as unknown as RunEvent | AgentEvent) : undefined,
    };
  });
}
