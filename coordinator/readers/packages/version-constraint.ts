/**
 * What people write where a command takes versions, as butido reads it: `=1.2` is that very version, `1.2` also every
 * one that begins with it (1.2.0, 1.2.7). What does not look like a number with dots is taken as it is.
 */
import { MillraceError } from "../../../shared/model/error.ts";

/** Gives a test of versions; throws `badInput` for the comparisons that butido's constraints have not got. */
export function versionConstraint(text: string): (version: string) => boolean {
  if (/^[<>^~*]/.test(text)) {
    throw new MillraceError("badInput", `the version ${JSON.stringify(text)} is no constraint`, {
      fix: "Write a version, the start of one such as 1.2, or = and a version.",
    });
  }
  if (text.startsWith("=")) {
    const exact = text.slice(1).trim();
    return (version) => version === exact;
  }
  if (!/^\d+(\.\d+){0,2}$/.test(text)) return (version) => version === text;
  return (version) => version === text || version.startsWith(`${text}.`);
}
