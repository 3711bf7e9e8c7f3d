/** What a server's answer to a request for a source means: pure, so that each case can be shown. */

/** What was asked for, and what came back. */
export interface Answer {
  readonly status: number;
  /** Header fields by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Bytes that are there already; more than 0 asked for the rest. */
  readonly offset: number;
}

export type Verdict =
  /** The body belongs at `at`; `total` is the length of the whole file, where the server tells. */
  | { readonly kind: "take"; readonly at: number; readonly total: number | undefined }
  /** What is there can't be continued: ask for all of it. */
  | { readonly kind: "startOver"; readonly reason: string }
  /** Not now; `afterMs` is how long the server wants to be left alone. */
  | { readonly kind: "later"; readonly reason: string; readonly afterMs: number | undefined }
  /** Not from this address. */
  | { readonly kind: "never"; readonly reason: string };

/** Request Timeout, Too Early, Too Many Requests. */
const passing = new Set([408, 425, 429]);

/** Only 200 and 206 bring a source. */
export function judgeAnswer({ status, headers, offset }: Answer): Verdict {
  if (status === 200) return { kind: "take", at: 0, total: wholeNumber(headers["content-length"]) };
  if (status === 206 && offset > 0) return judgePart(one(headers["content-range"]), offset);
  if (status === 416 && offset > 0) return { kind: "startOver", reason: "the server has no such range" };
  const reason = `the server answered ${status}`;
  if (status >= 500 || passing.has(status)) {
    return { kind: "later", reason, afterMs: secondsAsMs(one(headers["retry-after"])) };
  }
  return { kind: "never", reason };
}

function judgePart(range: string | undefined, offset: number): Verdict {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "");
  if (Number(match?.[1]) !== offset) {
    return { kind: "startOver", reason: `the server sent the range ${range ?? "without a name"}` };
  }
  return { kind: "take", at: offset, total: wholeNumber(match?.[2]) };
}

/** What makes sure that the rest comes from the same file: a strong ETag, or else the time it was changed. */
export function validatorOf(headers: Answer["headers"]): string | undefined {
  const tag = one(headers.etag);
  return tag?.startsWith('"') ? tag : one(headers["last-modified"]);
}

/** What is odd about the kind of file that a server says it sends. */
export function contentWarning(headers: Answer["headers"]): string | undefined {
  const type = one(headers["content-type"]);
  if (type === undefined) return "the server did not say what kind of file it sent";
  return /^text\/html\b/i.test(type) ? "the server sent a web page (text/html)" : undefined;
}

function one(field: string | string[] | undefined): string | undefined {
  return typeof field === "string" ? field : field?.[0];
}

function wholeNumber(field: string | string[] | undefined): number | undefined {
  const text = one(field);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function secondsAsMs(text: string | undefined): number | undefined {
  const seconds = wholeNumber(text);
  return seconds === undefined ? undefined : seconds * 1000;
}
