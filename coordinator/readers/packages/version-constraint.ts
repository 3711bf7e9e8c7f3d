/**
 * What people write where a command takes versions, as butido reads it: `=1.2` is that very version, `1.2` also every
 * one whose numbers begin so (1.2.0, 1.2.7, 1.2.7b). A version without such numbers (`1.1.1w`, `2024a`) is only itself.
 */
import { MillraceError } from "../../../shared/model/error.ts";

const partial = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){0,2}$/;

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
  if (!partial.test(text)) return (version) => version === text;
  const wanted = text.split(".").map(Number);
  return (version) => {
    const numbers = versionNumbers(version);
    return version === text || (numbers !== undefined && wanted.every((part, at) => numbers[at] === part));
  };
}

/** Major, minor and patch of a version as far as it has such; undefined for pre-releases and what is none. */
function versionNumbers(version: string): readonly number[] | undefined {
  if (/^\d+\.\d+\.\d+-/.test(version) || !/^\d[\w.-]*$/.test(version)) return undefined;
  const [major = 0, minor = 0, patch = 0] = (version.match(/\d+/g) ?? []).map(Number);
  return [major, minor, patch];
}
