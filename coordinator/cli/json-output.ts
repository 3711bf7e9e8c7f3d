import type { Terminal } from "./terminal.ts";

const FLUSH_CHARACTERS = 64 * 1024;

/** Prints a listing as one JSON array with an item a line, however long it is, without holding it whole. */
export async function printJsonArray(terminal: Terminal, items: AsyncIterable<unknown>): Promise<void> {
  let pending = "[";
  let separator = "\n";
  for await (const item of items) {
    pending += separator + JSON.stringify(item);
    separator = ",\n";
    if (pending.length > FLUSH_CHARACTERS) {
      await terminal.write(pending);
      pending = "";
    }
  }
  await terminal.write(`${pending}${separator === "\n" ? "" : "\n"}]\n`);
}

/** Prints one document, laid out for reading. */
export async function printJson(terminal: Terminal, value: unknown): Promise<void> {
  await terminal.print(JSON.stringify(value, null, 2));
}
