import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Script } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CodeCache } from "../../../shared/host/code-cache.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-code-"));
  file = join(folder, "code", "use");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function compile(cache: CodeCache, name: string, text: string): Script {
  return cache.compile(name, join(folder, name), Buffer.from(text), (source) => `(() => { ${source} })`);
}

function resultOf(script: Script): unknown {
  return (script.runInThisContext() as () => unknown)();
}

/** Compiles the text as `a` in one process, as it were, and again in the next. */
function twice(first: string, second: string, between: () => void = () => {}): Script {
  const before = new CodeCache(file);
  resultOf(compile(before, "a", first));
  before.save();
  between();
  return compile(new CodeCache(file), "a", second);
}

describe("the code cache", () => {
  it("gives V8 what it has compiled before", () => {
    const script = twice("return 1 + 1", "return 1 + 1");
    expect(script.cachedDataRejected).toBe(false);
    expect(resultOf(script)).toBe(2);
  });

  it("gives nothing of a source that has changed, not even of one of the same length", () => {
    const script = twice("return 1 + 1", "return 1 + 2");
    expect(script.cachedDataRejected).toBe(undefined);
    expect(resultOf(script)).toBe(3);
  });

  it("gives nothing of a file that was damaged", () => {
    const script = twice("return 1 + 1", "return 1 + 1", () => {
      const bytes = readFileSync(file);
      bytes[bytes.length - 9]! ^= 0xff;
      writeFileSync(file, bytes);
    });
    expect(script.cachedDataRejected).toBe(undefined);
    expect(resultOf(script)).toBe(2);
  });

  it.each([
    ["empty", ""],
    ["no line of JSON", "what is this\nthen"],
    ["JSON of another shape", "{}\n"],
    ["one of another version", '{"maker":"9 v99 0","sum":0,"parts":[["a",1,2]]}\n'],
  ])("takes a file that is %s for none, and replaces it", (_, content) => {
    twice("return 1", "return 1");
    writeFileSync(file, content);
    expect(twice("return 1", "return 1").cachedDataRejected).toBe(false);
  });

  it("keeps what other processes have loaded beside", () => {
    for (const name of ["a", "b"]) {
      const cache = new CodeCache(file);
      compile(cache, name, "return 1");
      cache.save();
    }
    const cache = new CodeCache(file);
    expect(["a", "b"].map((name) => compile(cache, name, "return 1").cachedDataRejected)).toEqual([
      false,
      false,
    ]);
  });

  it("writes nothing when it had all that was loaded", () => {
    twice("return 1", "return 1", () => {
      const cache = new CodeCache(file);
      compile(cache, "a", "return 1");
      rmSync(file);
      cache.save();
      expect(readdirSync(join(folder, "code"))).toEqual([]);
    });
  });

  it("leaves nothing behind and fails nothing where it can't be written", () => {
    writeFileSync(join(folder, "code"), "in the way");
    expect(twice("return 1", "return 1").cachedDataRejected).toBe(undefined);
    expect(readdirSync(folder)).toEqual(["code"]);
  });
});
