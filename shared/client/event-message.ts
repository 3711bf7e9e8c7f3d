import { z } from "zod";
import { type AgentEvent, agentEventSchema, type RunEvent, runEventSchema } from "../model/event.ts";

/** What every event has, also one of a type that this version does not know. */
const headSchema = z.object({
  seq: z.number().int().positive(),
  type: z.string(),
  run: z.string().optional(),
});

const headsSchema = z.array(headSchema);

/** One event of a message: its place, and itself if it was wanted and is of a known type. */
export interface ReadEvent {
  readonly seq: number;
  readonly type: string;
  /** Undefined for the fleet's. */
  readonly run: string | undefined;
  readonly event: RunEvent | AgentEvent | undefined;
}

/**
 * Reads a message of the event stream; events of other types than the wanted ones are not looked into. Fields that
 * this version does not know stay in the events.
 */
export function readEvents(
  payload: Uint8Array,
  isWanted: (type: string) => boolean = () => true,
): ReadEvent[] {
  const items: unknown = JSON.parse(new TextDecoder().decode(payload));
  return headsSchema.parse(items).map(({ seq, type, run }, position) => {
    const item = (items as unknown[])[position];
    const schema = run === undefined ? agentEventSchema : runEventSchema;
    const isGiven = isWanted(type) && schema.safeParse(item).success;
    return { seq, type, run, event: isGiven ? (item as RunEvent | AgentEvent) : undefined };
  });
}
