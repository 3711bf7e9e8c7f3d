/** Why the agent ends an attempt before it ends by itself; it is then the attempt's outcome. */
import { z } from "zod";

export const endCauseSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("cancelled") }),
  z.object({ kind: z.literal("timeout"), limit: z.enum(["run", "noOutput"]), limitMs: z.number() }),
  /** The agent stops at once, or nobody wants the result any more. */
  z.object({ kind: z.literal("lost"), message: z.string() }),
]);
export type EndCause = z.infer<typeof endCauseSchema>;
