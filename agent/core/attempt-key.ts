/** The names of an attempt: a key for maps, and what each of its processes carries in its environment. */
import type { AttemptRef } from "../../shared/model/messages.ts";

/** `<run>/<job index>/<attempt>/<lease>`: unique for ever, and the value of `MILLRACE_ATTEMPT`. */
export function attemptKey(ref: AttemptRef): string {
  return `${executionKey(ref)}/${ref.lease}`;
}

/** `<run>/<job index>/<attempt>`: what may be held under one lease at a time. */
export function executionKey(ref: AttemptRef): string {
  return `${ref.run}/${ref.job}/${ref.attempt}`;
}
