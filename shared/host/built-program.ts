/** Loads a program that was built to CommonJS files of one folder, with what V8 made of them before. */
import { readFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "./cache-folder.ts";
import { CodeCache } from "./code-cache.ts";

/** Ends that say that the program has done its work: others have loaded less than it needs, or something strange. */
const USUAL_STATUSES: readonly unknown[] = [undefined, 0, 1];

/**
 * For what does more than print: the young heap grows to its full size at once. While a program loads, nearly all that it
 * makes lives on, and is copied at each collection: half a dozen of them in a cold run.
 */
export const YOUNG_HEAP_FLAG = "--semi-space-growth-factor=16";

/** Sets flags of V8. Before anything is loaded, as a code cache is for its flags. */
export function setEngineFlags(flags: readonly string[]): void {
  if (flags.length > 0) process.getBuiltinModule("node:v8").setFlagsFromString(flags.join(" "));
}

/**
 * What the file exports. `use` names what it is run for, as each use calls other functions of the same files; what was
 * compiled is kept when the process ends.
 */
export function loadProgram(file: string, use: string): unknown {
  const folder = cacheFolder(process.env);
  const isWanted = folder !== undefined && process.env.NODE_DISABLE_COMPILE_CACHE === undefined;
  if (!isWanted) return createRequire(file)(file);
  const cache = new CodeCache(join(folder, "code", use));
  process.once("exit", (status) => {
    if (USUAL_STATUSES.includes(status)) cache.save();
  });
  return new ProgramFiles(dirname(file), cache).load(basename(file));
}

class ProgramFiles {
  readonly #folder: string;
  readonly #cache: CodeCache;
  readonly #modules = new Map<string, { exports: unknown }>();
  readonly #requireOther: NodeJS.Require;

  constructor(folder: string, cache: CodeCache) {
    this.#folder = folder;
    this.#cache = cache;
    this.#requireOther = createRequire(join(folder, "program.cjs"));
  }

  load(name: string): unknown {
    const known = this.#modules.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    // Before it runs, for files that need each other.
    this.#modules.set(name, module);
    const path = join(this.#folder, name);
    const script = this.#cache.compile(name, path, readFileSync(path), (text) => Module.wrap(text));
    const run = script.runInThisContext() as (...values: unknown[]) => void;
    run.call(module.exports, module.exports, this.#require, module, path, this.#folder);
    return module.exports;
  }

  readonly #require = Object.assign(
    (name: string): unknown =>
      name.startsWith("./") ? this.load(name.slice("./".length)) : this.#requireOther(name),
    { resolve: (name: string) => this.#requireOther.resolve(name) },
  );
}
