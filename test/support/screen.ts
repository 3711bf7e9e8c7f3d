/** The screen of a terminal, as far as a live view needs one: what was written to it can be read as lines. */
import { Writable } from "node:stream";

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
const token = /\x1b\[(\??)(\d*)([A-Za-z])|\n|[^\x1b\n]/gu;

export class Screen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly #lines: string[][] = [];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
  }

  /** The lines without what is blank at their ends and below them. */
  get lines(): string[] {
    const lines = this.#lines.map((line) => Array.from(line, (character) => character ?? " ").join(""));
    return lines.join("\n").replaceAll(/ +$/gm, "").trimEnd().split("\n");
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, done: () => void): void {
    for (const [text, isPrivate, count, command] of String(chunk).matchAll(token)) {
      if (text === "\n") {
        this.#row += 1;
        this.#column = 0;
      } else if (command === undefined) {
        this.#line[this.#column] = text;
        this.#column += 1;
      } else if (isPrivate === "") {
        this.#obey(command, Number(count || "1"), count === "2");
      }
    }
    done();
  }

  get #line(): string[] {
    while (this.#lines.length <= this.#row) this.#lines.push([]);
    return this.#lines[this.#row]!;
  }

  #obey(command: string, count: number, isWhole: boolean): void {
    if (command === "A") this.#row = Math.max(0, this.#row - count);
    else if (command === "B") this.#row += count;
    else if (command === "G") this.#column = count - 1;
    else if (command === "K") this.#line.fill(" ", isWhole ? 0 : this.#column);
    else if (command !== "m") throw new Error(`this screen does not know the command ${command}`);
  }
}
