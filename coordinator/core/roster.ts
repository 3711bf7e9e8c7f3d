/** The standbys of a namespace as its leader knows them: by the signs they give, every `SIGN_MS`. */
import { z } from "zod";

/** What a standby says of itself. */
export const standbySignSchema = z.object({
  v: z.literal(1),
  node: z.string().min(1),
  /** How far it has followed the journal. */
  position: z.number().int().min(0),
});
export type StandbySign = z.infer<typeof standbySignSchema>;

/** By node, with the time at which it was heard. */
export type Roster = Map<string, { readonly position: number; readonly heardMs: number }>;

export const SIGN_MS = 1_000;
const FORGET_AFTER_MS = 5 * SIGN_MS;

export function onSign(roster: Roster, { node, position }: StandbySign, nowMs: number): void {
  roster.set(node, { position, heardMs: nowMs });
}

/** Those heard lately; the others are forgotten. */
export function standbysOf(roster: Roster, nowMs: number): { node: string; position: number }[] {
  for (const [node, { heardMs }] of roster) if (nowMs - heardMs > FORGET_AFTER_MS) roster.delete(node);
  return [...roster].map(([node, { position }]) => ({ node, position }));
}
