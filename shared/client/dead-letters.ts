/** Dead letters as they are published: live only, and only so many a second of each node. */
import { z } from "zod";
import type { Bus } from "../bus/connection.ts";

const deadLetterSchema = z.object({
  /** The node's wall clock, ISO 8601 in UTC. */
  at: z.string(),
  reason: z.string(),
  node: z.string(),
  /** The subject, or the path of the actor, that the message was for. */
  target: z.string(),
  /** Dead letters of the node since the last one published that were only counted. */
  suppressed: z.number(),
  /** Size of the message; its start is the text, or the bytes in base64. */
  bytes: z.number().optional(),
  text: z.string().optional(),
  base64: z.string().optional(),
});

/** A message that a coordinator or an agent refused, or that nobody took. */
export type DeadLetter = z.infer<typeof deadLetterSchema>;

/** Follows the dead letters of the bus's namespace until the signal. */
export async function* followDeadLetters(bus: Bus, signal?: AbortSignal): AsyncIterable<DeadLetter> {
  const subscription = bus.connection.subscribe(bus.subjects.deadLetters());
  const stop = (): void => subscription.unsubscribe();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    if (signal?.aborted) return;
    for await (const { data } of subscription) {
      const letter = readDeadLetter(data);
      if (letter !== undefined) yield letter;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** Undefined for what is no dead letter: also those of 0.1, which are MessagePack. */
export function readDeadLetter(payload: Uint8Array): DeadLetter | undefined {
  try {
    return deadLetterSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    // Anyone may publish there; what can't be shown is left out.
    return undefined;
  }
}
