/**
 * The control files that are written for every job, kept open between jobs: to open one costs several times what
 * writing it does.
 *
 * Safe: 1. what is written goes to the file that has the path: whoever removes or replaces it forgets it first. 2. A
 * write that is cut short may leave a mixture, so nothing of it counts before `write` has returned. Live: 3. at most
 * `MAX_OPEN` are open, so that many places don't use up the process's descriptors.
 */
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from "node:fs";

/** Of the thousand that a process may have where little is allowed. */
const MAX_OPEN = 512;

interface OpenFile {
  readonly descriptor: number;
  length: number;
}

export class ControlFiles {
  /** By path, longest open first. */
  readonly #open = new Map<string, OpenFile>();

  /** Replaces what is in a file, or makes it; only the agent's user can read it. */
  write(path: string, text: string): void {
    const file = this.#open.get(path) ?? this.#openFile(path);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(file.descriptor, bytes, at, bytes.length - at, at);
    // Only then, as it costs more than the write.
    if (bytes.length < file.length) ftruncateSync(file.descriptor, bytes.length);
    file.length = bytes.length;
  }

  /** Makes a file of JSON, if it is there, one that can't be read. */
  spoil(path: string): void {
    const file = this.#open.get(path);
    if (file === undefined) removeFile(path);
    else writeSync(file.descriptor, "-", 0);
  }

  /** A file is about to go. */
  forget(path: string): void {
    const file = this.#open.get(path);
    if (file === undefined) return;
    this.#open.delete(path);
    closeSync(file.descriptor);
  }

  /** A folder is about to go, with the files in it. */
  forgetFolder(folder: string): void {
    for (const path of this.#open.keys()) if (path.startsWith(`${folder}/`)) this.forget(path);
  }

  close(): void {
    for (const { descriptor } of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  #openFile(path: string): OpenFile {
    const file = { descriptor: openSync(path, "w", 0o600), length: 0 };
    this.#open.set(path, file);
    if (this.#open.size > MAX_OPEN) this.forget(this.#open.keys().next().value as string);
    return file;
  }
}

/** Removes a file if it is there; unlike `rmSync` this is one system call. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
