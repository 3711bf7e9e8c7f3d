import { hash } from "node:crypto";

/** SHA-256 of a value's JSON: equal for values whose fields have the same order. */
export function digestOf(value: unknown): string {
  return hash("sha256", JSON.stringify(value));
}
