/** What went wrong in one word; the command line and the API turn it into an exit status and a reply. */
export type ErrorCode =
  | "badInput"
  | "notFound"
  | "conflict"
  | "refused"
  | "unavailable"
  | "timeout"
  | "corrupt"
  | "deposed"
  | "unsupported"
  | "internal";

export interface ErrorDetail {
  /** What the reader can do about it, as an imperative sentence. */
  readonly fix?: string;
  readonly cause?: unknown;
}

/** The one error class that crosses a module border: a stable code, a sentence, what to do, and the cause. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly fix: string | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "MillraceError";
    this.code = code;
    this.fix = detail.fix;
  }
}

/** What was thrown, in words. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Where a defect was thrown, for those who mend it; some errors of libraries come with an empty stack. */
export function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.stack || `${thrown.name}: ${thrown.message}`;
}

/** Turns anything thrown into a MillraceError; one that already is comes back unchanged. */
export function asMillraceError(
  thrown: unknown,
  message: string,
  code: ErrorCode = "internal",
): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  return new MillraceError(code, `${message}: ${reasonOf(thrown)}`, { cause: thrown });
}
