/**
 * What a nats-server can do by its version. Everything in Millrace works without any of these; older servers ignore
 * options they don't know without saying so, which is why an option is only sent to a server that is in this table.
 */

/** The oldest server Millrace works with. */
export const OLDEST_SERVER = "2.9.0";

const since = {
  streamMetadata: "2.10.0",
  severalFilters: "2.10.0",
  compression: "2.10.0",
  batchedGet: "2.11.0",
  messageTtl: "2.11.0",
  atomicBatch: "2.12.0",
} as const;

export type Feature = keyof typeof since;

/** Whether a server of this version has the feature; an unreadable version has none. */
export function hasFeature(serverVersion: string, feature: Feature): boolean {
  return isAtLeast(serverVersion, since[feature]);
}

/** Compares `major.minor.patch`; a pre-release (`2.12.0-RC.1`) counts as its release. */
export function isAtLeast(version: string, least: string): boolean {
  const have = parts(version);
  const need = parts(least);
  if (have === undefined || need === undefined) return false;
  for (const [index, wanted] of need.entries()) {
    const actual = have[index] as number;
    if (actual !== wanted) return actual > wanted;
  }
  return true;
}

function parts(version: string): number[] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match === null ? undefined : match.slice(1).map(Number);
}
