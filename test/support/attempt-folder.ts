/** Where an agent keeps the files of its first attempt: it begins to number them anywhere. Undefined before it has one. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export function firstAttemptFolder(workFolder: string): string | undefined {
  const attempts = join(workFolder, "attempts");
  if (!existsSync(attempts)) return undefined;
  const numbers = readdirSync(attempts).map(Number);
  return numbers.length === 0 ? undefined : join(attempts, String(Math.min(...numbers)));
}
