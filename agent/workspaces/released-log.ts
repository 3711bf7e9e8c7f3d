/**
 * Which bytes of an attempt's log are no longer in its file, beside its control files: a successor goes on behind what
 * is stored, and tells cuts from zeros that the job wrote. It is written before the bytes are released.
 *
 * A job that emptied the file released all that was in it: what is in the file now begins later in the log.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readFile, replaceFile } from "../runners/whole-file.ts";

const offset = z.number().int().min(0);
const releasedSchema = z.object({
  storedBytes: offset,
  cuts: z.array(z.tuple([offset, offset])),
  /** Where in the log the file's first byte is; absent in what version 0.1 wrote. */
  begin: offset.default(0),
});

export class ReleasedLog {
  readonly #path: string;
  #storedBytes: number;
  /** In order, apart from each other, none of them wholly stored. */
  #cuts: [from: number, to: number][];
  #begin: number;

  private constructor(path: string, released: z.infer<typeof releasedSchema>) {
    this.#path = path;
    this.#storedBytes = released.storedBytes;
    this.#cuts = released.cuts;
    this.#begin = released.begin;
  }

  /** Of a log that begins: nothing of it is released. */
  static begin(control: string): ReleasedLog {
    return new ReleasedLog(releasedPath(control), { storedBytes: 0, cuts: [], begin: 0 });
  }

  /** As an earlier process left it; nothing is released of a log that has no such file. */
  static open(control: string): ReleasedLog {
    const path = releasedPath(control);
    const released = existsSync(path) ? readFile(path, releasedSchema) : undefined;
    // One that is damaged with its disk says nothing either: the whole log is shipped once more.
    return released === undefined ? ReleasedLog.begin(control) : new ReleasedLog(path, released);
  }

  /** Whether there is nothing to be noted as yet, so no file. */
  get isEmpty(): boolean {
    return this.#storedBytes === 0 && this.#begin === 0 && this.#cuts.length === 0;
  }

  /** Bytes from the start on that are stored, as far as that is noted. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Where in the log the file's first byte is: more than 0 once the job has emptied it. */
  get begin(): number {
    return this.#begin;
  }

  /** Where the bytes go on that are still there, at a place or after it. */
  nextKept(position: number): number {
    const there = Math.max(position, this.#begin);
    const cut = this.#cuts.find(([from, to]) => from <= there && there < to);
    return cut === undefined ? there : cut[1];
  }

  /** Where the next cut behind a place begins. */
  nextCut(position: number): number {
    return this.#cuts.find(([from]) => from > position)?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The first bytes are stored. */
  noteStored(bytes: number): void {
    this.#storedBytes = bytes;
    this.#cuts = this.#cuts.filter(([, to]) => to > bytes);
    this.#save();
  }

  /** How many bytes are still there between two places. */
  keptBytes(from: number, to: number): number {
    const there = Math.max(from, this.#begin);
    let bytes = Math.max(0, to - there);
    for (const cut of this.#cuts) bytes -= Math.max(0, Math.min(cut[1], to) - Math.max(cut[0], there));
    return bytes;
  }

  /** The job has emptied the file; what it writes from now on begins at this place of the log. */
  noteEmptied(begin: number): void {
    this.#begin = begin;
    this.#cuts = [];
    this.#save();
  }

  /** These bytes will never be stored. A successor, which ships some once more, may cut before earlier cuts. */
  noteCut(from: number, to: number): void {
    const apart = this.#cuts.filter((cut) => cut[1] < from || to < cut[0]);
    const joined = this.#cuts.filter((cut) => from <= cut[1] && cut[0] <= to);
    const start = Math.min(from, ...joined.map((cut) => cut[0]));
    const end = Math.max(to, ...joined.map((cut) => cut[1]));
    this.#cuts = [...apart, [start, end] satisfies [number, number]].sort((a, b) => a[0] - b[0]);
    this.#save();
  }

  #save(): void {
    replaceFile(this.#path, { storedBytes: this.#storedBytes, cuts: this.#cuts, begin: this.#begin });
  }
}

/** Where it is; most attempts never have one. */
export function releasedPath(control: string): string {
  return join(control, "log-released");
}
