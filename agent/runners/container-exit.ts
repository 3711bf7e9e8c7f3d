/**
 * How an attempt's container ended, among its control files: written before the container is removed, as nothing else
 * would tell a successor of the agent.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Exit } from "./runner.ts";
import { readFile, replaceFile } from "./whole-file.ts";

const measure = z.number().nullable();
const usage = z.object({
  wallMs: z.number(),
  cpuMs: measure,
  peakMemoryBytes: measure,
  image: z.string().exactOptional(),
});

const exitSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exited"), exitCode: z.number(), usage }),
  z.object({ kind: z.literal("signalled"), signal: z.string(), usage }),
  z.object({ kind: z.literal("outOfMemory"), usage }),
  z.object({
    kind: z.literal("notStarted"),
    reason: z.enum(["image", "engine", "workspace"]),
    message: z.string(),
  }),
  z.object({ kind: z.literal("badOutput"), message: z.string(), usage }),
  z.object({ kind: z.literal("unknown"), message: z.string() }),
  z.object({ kind: z.literal("neverBegan") }),
]);

/** Written whole or not at all. */
export function noteExit(control: string, exit: Exit): void {
  mkdirSync(join(control, "container"), { recursive: true });
  replaceFile(exitPath(control), exit);
}

/** Undefined while it has not ended, or nobody of ours has seen its end. */
export function notedExit(control: string): Exit | undefined {
  return readFile(exitPath(control), exitSchema);
}

function exitPath(control: string): string {
  return join(control, "container", "exit");
}
