/**
 * What is remembered of jobs that have succeeded, for as long as the namespace keeps it. Nothing rests on it but time: an
 * entry that is lost, or can't be read, makes a job run once more.
 */
import { z } from "zod";
import { executedSchema } from "../../shared/model/event.ts";
import { digestSchema } from "../../shared/model/job-spec.ts";
import { artifactSchema } from "../../shared/model/outcome.ts";

/** A result, and what it is a result of. */
export const rememberedSchema = z.object({
  v: z.literal(1),
  key: digestSchema,
  deepKey: digestSchema,
  from: executedSchema,
  artifact: artifactSchema.nullable(),
  /** When this was stored, by the clock of the leader of then. */
  at: z.number(),
});
export type Remembered = z.infer<typeof rememberedSchema>;

/** What a job was when it succeeded last. */
export const lastTimeSchema = z.object({
  v: z.literal(1),
  run: executedSchema.shape.run,
  components: z.array(z.tuple([z.string(), z.string()]).readonly()).readonly(),
});
export type LastTime = z.infer<typeof lastTimeSchema>;

/** Which of its keys something is remembered under. */
export type KeyKind = "key" | "deepKey";

/** Every failure is a MillraceError `unavailable`; each answer comes within some seconds. */
export interface ReuseStore {
  /** Undefined for what nobody remembers, also for what another version has stored. */
  find(kind: KeyKind, key: string): Promise<Remembered | undefined>;
  lastTime(job: string): Promise<LastTime | undefined>;
  /** In place of what was remembered under the key. */
  remember(kind: KeyKind, result: Remembered): Promise<void>;
  rememberTime(job: string, last: LastTime): Promise<void>;
}
