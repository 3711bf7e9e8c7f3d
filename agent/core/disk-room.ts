/** Whether a file system has room for more jobs: below a watermark an agent takes none, until there is room again. */
import { formatBytes } from "../../shared/model/size.ts";

/** What must stay free: the smaller one of the two where both are given. */
export interface MinFree {
  readonly bytes?: number;
  /** Of the whole file system, from 0 to 1. */
  readonly share?: number;
}

export interface DiskSpace {
  readonly folder: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Room must have grown by so much beyond the watermark, so that one job more or less does not toggle it. */
const RECOVERY = 1.1;
/** Less than any program writes before it notices. */
const FULL_BYTES = 64 * 1024;

/** Says what is short, or nothing. */
export function diskTrouble(
  { folder, totalBytes, freeBytes }: DiskSpace,
  { bytes = Number.POSITIVE_INFINITY, share = 1 }: MinFree,
  isInTrouble: boolean,
): string | undefined {
  const minBytes = Math.min(bytes, share * totalBytes);
  if (freeBytes >= (isInTrouble ? minBytes * RECOVERY : minBytes)) return undefined;
  return `the disk of ${folder} is nearly full: ${formatBytes(freeBytes)} free, ${formatBytes(Math.ceil(minBytes))} needed`;
}

/** Whether writing fails there, or nearly does. */
export function isFull({ freeBytes }: DiskSpace): boolean {
  return freeBytes < FULL_BYTES;
}
