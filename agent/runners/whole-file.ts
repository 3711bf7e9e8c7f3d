/** Small files that a successor of the agent relies on: at each moment the old one or the new one is there, whole. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ZodType } from "zod";

/** Replaces the file by the value as JSON, readable by its owner only. */
export function replaceFile(path: string, value: unknown): void {
  const draft = `${path}.new`;
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  renameSync(draft, path);
}

/** The value in the file; undefined when it is absent, cut short or of another shape. */
export function readFile<T>(path: string, schema: ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    // Absent in most cases; what a broken disk has left of it is as good as absent.
    return undefined;
  }
}
