/**
 * What V8 made of a program's files, kept from one process to the next: to compile them again is a third of what a short
 * command takes. Node 22 has such a cache of its own; this one is for all versions, and also has the functions that were
 * compiled only when they were called.
 *
 * The file is a line of JSON that says what is in it, then the caches one after the other.
 *
 * Safe: V8 takes a cache made by itself, with the same flags, for a source of the same length, and believes it. So sums
 * of each source and of all caches are compared first, and nothing is taken from a file of another user. A file is
 * written aside and renamed. What can't be read or written is done without.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import vm from "node:vm";
import { crc32 } from "node:zlib";
import { version } from "../model/version.ts";

interface Compiled {
  readonly sourceSum: number;
  readonly data: Buffer;
}

interface Loaded {
  readonly sourceSum: number;
  readonly script: vm.Script;
}

/** As it stands in the first line of the file. */
interface Index {
  readonly maker: string;
  readonly sum: number;
  readonly parts: readonly (readonly [name: string, sourceSum: number, bytes: number])[];
}

const LINE_FEED = 10;

export class CodeCache {
  readonly #file: string;
  readonly #maker = `${version} ${process.version} ${process.arch}`;
  readonly #kept: Map<string, Compiled>;
  readonly #loaded = new Map<string, Loaded>();
  #lacksSome = false;

  /** The file need not be there yet. */
  constructor(file: string) {
    this.#file = file;
    this.#kept = readParts(file, this.#maker);
  }

  /** The script in the file called `name`, which it must not share with another file of the program. */
  compile(name: string, filename: string, source: Buffer, wrap: (text: string) => string): vm.Script {
    const sourceSum = crc32(source);
    const kept = this.#kept.get(name);
    const cachedData = kept?.sourceSum === sourceSum ? kept.data : undefined;
    const script = new vm.Script(wrap(source.toString()), {
      filename,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    if (cachedData === undefined || script.cachedDataRejected === true) this.#lacksSome = true;
    this.#loaded.set(name, { sourceSum, script });
    return script;
  }

  /** Keeps what this process has compiled, if there was a file for which it found nothing. */
  save(): void {
    if (!this.#lacksSome) return;
    try {
      const parts = new Map(this.#kept);
      for (const [name, { sourceSum, script }] of this.#loaded)
        parts.set(name, { sourceSum, data: script.createCachedData() });
      writeParts(this.#file, this.#maker, parts);
    } catch {
      // The next one compiles it all, too.
    }
  }
}

function readParts(file: string, maker: string): Map<string, Compiled> {
  const parts = new Map<string, Compiled>();
  const content = readOwn(file);
  const end = content?.indexOf(LINE_FEED) ?? -1;
  if (content === undefined || end < 0) return parts;
  const index = readIndex(content.toString("utf8", 0, end));
  const body = content.subarray(end + 1);
  if (index?.maker !== maker || index.sum !== crc32(body)) return parts;
  let offset = 0;
  for (const [name, sourceSum, bytes] of index.parts ?? []) {
    parts.set(name, { sourceSum, data: body.subarray(offset, offset + bytes) });
    offset += bytes;
  }
  return parts;
}

function readIndex(line: string): Partial<Index> | undefined {
  try {
    return JSON.parse(line) as Partial<Index>;
  } catch {
    return undefined;
  }
}

/** Nothing where there is none, and where somebody else has written it. */
function readOwn(file: string): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return undefined;
  }
  try {
    return fstatSync(descriptor).uid === process.geteuid?.() ? readFileSync(descriptor) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function writeParts(file: string, maker: string, parts: ReadonlyMap<string, Compiled>): void {
  const body = Buffer.concat([...parts.values()].map(({ data }) => data));
  const index: Index = {
    maker,
    sum: crc32(body),
    parts: [...parts].map(([name, { sourceSum, data }]) => [name, sourceSum, data.length]),
  };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const partial = `${file}.${process.pid}`;
  try {
    writeFileSync(partial, Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), body]), {
      mode: 0o600,
      flag: "wx",
    });
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
