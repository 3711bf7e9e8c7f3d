/** What is read damaged is read once more: it may have been damaged on its way, and not where it is stored. */
import { MillraceError } from "../model/error.ts";

/** Reads, and once more when the first reading is `corrupt`. */
export async function withSecondReading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== "corrupt") throw error;
    return await read();
  }
}
