import { StringDecoder } from "node:string_decoder";

/** A line longer than this is cut there, so that a log without line breaks needs no memory. */
const MAX_LINE_CHARACTERS = 64 * 1024;

/** Cuts a stream of bytes into lines of text, whatever the pieces are that it comes in. */
export class LineCutter {
  #decoder = new StringDecoder("utf8");
  #rest = "";

  /** The lines that are complete now, without their line breaks. */
  push(bytes: Uint8Array): string[] {
    const text =
      this.#rest + this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const lines = text.split("\n");
    this.#rest = lines.pop() ?? "";
    while (this.#rest.length > MAX_LINE_CHARACTERS) {
      lines.push(this.#rest.slice(0, MAX_LINE_CHARACTERS));
      this.#rest = this.#rest.slice(MAX_LINE_CHARACTERS);
    }
    return lines;
  }

  /** The last line, if it has no line break; the next piece starts a new one. */
  end(): string[] {
    const last = this.#rest + this.#decoder.end();
    this.#rest = "";
    return last === "" ? [] : [last];
  }
}
