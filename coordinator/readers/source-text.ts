/** The text of a file and the places in it. Lines and columns count from 1, columns in UTF-16 units as editors do. */

/** A mistake in a file, for people. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  readonly message: string;
}

/** `file:line:col: message`, which editors and terminals make a link of. */
export function formatProblem({ file, line, col, message }: Problem): string {
  return `${file}:${line}:${col}: ${message}`;
}

/** Takes mistakes by offset as they are found. */
export type Report = (offset: number, message: string) => void;

/** Collects the mistakes of one file; the same one at the same place, reached over an alias, counts once. */
export class ProblemList {
  readonly #file: string;
  readonly #text: string;
  readonly #found = new Map<string, { readonly offset: number; readonly message: string }>();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  readonly report: Report = (offset, message) => {
    this.#found.set(`${offset}:${message}`, { offset, message });
  };

  /** In the order of the text. */
  list(): Problem[] {
    const placeOf = placesIn(this.#text);
    return [...this.#found.values()]
      .sort((left, right) => left.offset - right.offset)
      .map(({ offset, message }) => ({ file: this.#file, ...placeOf(offset), message }));
  }
}

/** The one mistake at an offset of a file. */
export function problemAtOffset(file: string, text: string, offset: number, message: string): Problem {
  return { file, ...placesIn(text)(offset), message };
}

/** Finds line and column of offsets; a line ends with LF, CRLF or CR. */
function placesIn(text: string): (offset: number) => { line: number; col: number } {
  const lineStarts = [0];
  for (const { index, 0: lineBreak } of text.matchAll(/\r\n|\r|\n/g))
    lineStarts.push(index + lineBreak.length);
  return (offset) => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, col: Math.max(0, offset - lineStarts[low]!) + 1 };
  };
}

export type Decoding =
  | { readonly ok: true; readonly text: string }
  /** `before` is what could be read, so its end is the place of the first bad byte. */
  | { readonly ok: false; readonly before: string };

/** Decodes UTF-8 strictly, without a byte order mark. */
export function decodeUtf8(bytes: Uint8Array): Decoding {
  const decodes = (length: number): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      // The decoder says nothing but that it failed, which is the answer.
      return false;
    }
  };
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    let good = 0;
    let bad = bytes.length + 1;
    while (bad - good > 1) {
      const middle = (good + bad) >>> 1;
      if (decodes(middle)) good = middle;
      else bad = middle;
    }
    return { ok: false, before: new TextDecoder().decode(bytes.subarray(0, good), { stream: true }) };
  }
}
