import pico from "picocolors";
import type { Terminal } from "../../../coordinator/cli/terminal.ts";

/** A terminal that remembers what was written to it. */
export class CapturedTerminal implements Terminal {
  readonly outIsTerminal = false;
  readonly errIsLive = false;
  readonly outColours = pico.createColors(false);
  readonly errColours = pico.createColors(false);
  readonly unicode = false;
  out = "";
  readonly notes: string[] = [];

  columns = (): number => 80;
  rows = (): number => 24;

  async write(data: string | Uint8Array): Promise<void> {
    this.out += typeof data === "string" ? data : Buffer.from(data).toString();
  }

  print(line: string): Promise<void> {
    return this.write(`${line}\n`);
  }

  note(line: string): void {
    this.notes.push(line);
  }
}
