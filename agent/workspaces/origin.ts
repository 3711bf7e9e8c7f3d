/** Whose an input is, as people know it. */
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";

/** Begins what is said of an input that could not be had with whose it is. */
export async function withOrigin(origin: string, taken: Promise<void>): Promise<void> {
  try {
    await taken;
  } catch (error) {
    const { code, message, fix } = asMillraceError(error, "it could not be copied");
    const detail = fix === undefined ? { cause: error } : { cause: error, fix };
    throw new MillraceError(code, `${origin}: ${message}`, detail);
  }
}
