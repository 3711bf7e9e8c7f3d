/** Which layers of inputs an attempt uses, noted for a successor of the agent that finds the attempt running. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const noteSchema = z.array(z.string().regex(/^[a-z]+-\d+$/));

/** Notes it, before the attempt is launched. */
export function noteLayers(control: string, names: readonly string[]): void {
  writeFileSync(notePath(control), JSON.stringify(names));
}

/** What was noted of an attempt; nothing where it uses none, or the note was not written to its end. */
export function notedLayers(control: string): string[] {
  try {
    return noteSchema.parse(JSON.parse(readFileSync(notePath(control), "utf8")));
  } catch {
    // Without a whole note it was not launched.
    return [];
  }
}

function notePath(control: string): string {
  return join(control, "layers");
}
