/** A user's end of the guard's FIFO: holding it open is what keeps the cluster up. */
import { execFile } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { lstat, rm } from "node:fs/promises";
import { promisify } from "node:util";

/** Closed by `close`, or by the kernel when this process ends in whatever way; children do not inherit it. */
export class UserLine {
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Opens the FIFO without waiting; nothing when no guard reads it. */
  static open(fifo: string): UserLine | undefined {
    try {
      const descriptor = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
      if (fstatSync(descriptor).isFIFO()) return new UserLine(descriptor);
      closeSync(descriptor);
      return undefined;
    } catch (error) {
      if (isOneOf(error, "ENXIO", "ENOENT")) return undefined;
      throw error;
    }
  }

  static hasReader(fifo: string): boolean {
    const line = UserLine.open(fifo);
    line?.close();
    return line !== undefined;
  }

  /**
   * Makes the FIFO if need be and opens both ends: ours, and the guard's, which is to be handed to it and closed
   * here. So the guard never waits for a writer, and never misses the last one going.
   */
  static async openBoth(fifo: string): Promise<{ line: UserLine; guardEnd: number }> {
    await makeFifo(fifo);
    // Without O_NONBLOCK the open would wait for a writer, and with it the guard could not wait for lines.
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const line = new UserLine(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
      return { line, guardEnd: openSync(fifo, constants.O_RDONLY) };
    } finally {
      closeSync(reader);
    }
  }

  /** Says a line to the guard; false when the guard is gone. */
  say(text: string): boolean {
    try {
      writeSync(this.#descriptor, `${text}\n`);
      return true;
    } catch (error) {
      if (isOneOf(error, "EPIPE")) return false;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

async function makeFifo(path: string): Promise<void> {
  const present = await lstat(path).catch(() => undefined); // not there yet
  if (present?.isFIFO() === true) return;
  await rm(path, { force: true, recursive: true });
  await promisify(execFile)("mkfifo", ["-m", "600", path]);
}

function isOneOf(error: unknown, ...codes: string[]): boolean {
  return codes.includes(String((error as NodeJS.ErrnoException).code));
}
