/**
 * What two nodes say to each other about actors that one watches on the other, on the subject `<root>.<node>.$node`.
 * Both messages state all there is, so a lost, repeated or late one does no harm.
 */
import { z } from "zod";
import type { Codec } from "./contract.ts";

const tokenSchema = z.string().min(1).max(256);
const pathSchema = z.string().min(1).max(4096);
const numberSchema = z.number().int().min(0);

/** The watching node lists its watches, also to hear whether the other one lives. */
const watchListSchema = z.object({
  kind: z.literal("watchList"),
  from: tokenSchema,
  incarnation: tokenSchema,
  /** Rises with each list; an older one is ignored. */
  number: numberSchema,
  watches: z.array(z.tuple([numberSchema, pathSchema])),
});
export type WatchList = z.infer<typeof watchListSchema>;

/** The watched node answers with those that have ended and are still listed. */
const endListSchema = z.object({
  kind: z.literal("endList"),
  from: tokenSchema,
  incarnation: tokenSchema,
  /** Incarnation of the watching node that this answers. */
  to: tokenSchema,
  /** Number of the last watch list that was taken in. */
  number: numberSchema,
  ended: z.array(z.tuple([numberSchema, z.enum(["stopped", "failed", "notFound"])])),
});
export type EndList = z.infer<typeof endListSchema>;

const nodeMessageSchema = z.discriminatedUnion("kind", [watchListSchema, endListSchema]);
export type NodeMessage = z.infer<typeof nodeMessageSchema>;

/** Path of the mailbox of a node itself. */
export const NODE_PATH = "/$node";

/** Throws on anything else. */
export function decodeNodeMessage(codec: Codec, payload: Uint8Array): NodeMessage {
  return nodeMessageSchema.parse(codec.decode(payload));
}
