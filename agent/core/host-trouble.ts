/** Errors that are the host's, not the job's: an attempt that meets one is lost, and may run again elsewhere. */

const hostCodes: ReadonlySet<unknown> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EROFS",
  "EIO",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
]);
const fullCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/** Whether the host failed: its disk is full or broken, or it has no memory or file handles left. */
export function isHostTrouble(error: unknown): boolean {
  return hasCode(error, hostCodes);
}

/** Whether a disk, or a quota on it, is full. */
export function isDiskFull(error: unknown): boolean {
  return hasCode(error, fullCodes);
}

/** Looks at the error and at what caused it. */
function hasCode(error: unknown, codes: ReadonlySet<unknown>): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && codes.has(at.code)) return true;
  }
  return false;
}
