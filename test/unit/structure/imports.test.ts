import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");

interface Source {
  readonly path: string;
  readonly text: string;
  /** Files of the project as paths from the root, packages and `node:` modules as they are named. */
  readonly imports: readonly string[];
}

const sources: Source[] = ["shared", "coordinator", "agent"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readSource(join(folder, name))),
);

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import\(|import)\s*"([^"]+)"/g)].map(
    (match) => match[1] ?? "",
  );
  const imports = specifiers.map((specifier) =>
    specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : specifier,
  );
  return { path, text, imports };
}

/** Imports of the files in `from` that match `banned`, as `file -> import`. */
function offences(from: RegExp, banned: RegExp, except: RegExp = /^$/): string[] {
  return sources
    .filter(({ path }) => from.test(path) && !except.test(path))
    .flatMap(({ path, imports }) =>
      imports.filter((name) => banned.test(name)).map((name) => `${path} -> ${relative(".", name)}`),
    );
}

/** Uses of the outside world where everything has to come from arguments or the context. */
function uses(from: RegExp, banned: RegExp): string[] {
  return sources
    .filter(({ path }) => from.test(path))
    .flatMap(({ path, text }) => {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      return [...code.matchAll(banned)].map((match) => `${path}: ${match[0]}`);
    });
}

describe("the source tree", () => {
  it("is found by this test", () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.flatMap((source) => source.imports).length).toBeGreaterThan(300);
  });

  it("keeps coordinator and agent apart, and shared free of both", () => {
    expect(offences(/^coordinator\//, /^agent\//)).toEqual([]);
    expect(offences(/^agent\//, /^coordinator\//)).toEqual([]);
    expect(offences(/^shared\//, /^(agent|coordinator)\//)).toEqual([]);
  });

  it("lets the model and the actor runtime import nothing of the project", () => {
    expect(offences(/^shared\/model\//, /^(shared\/(?!model\/)|agent\/|coordinator\/)/)).toEqual([]);
    expect(offences(/^shared\/actor\//, /^(shared\/(?!actor\/)|agent\/|coordinator\/)/)).toEqual([]);
  });

  it("lets a core import only itself and the model", () => {
    expect(offences(/^coordinator\/core\//, /^(?!coordinator\/core\/|shared\/model\/|zod$)/)).toEqual([]);
    expect(offences(/^agent\/core\//, /^(?!agent\/core\/|shared\/model\/|zod$)/)).toEqual([]);
  });

  it("lets actors be imported by compositions only, and command lines by nobody", () => {
    expect(offences(/\/(core|journal|readers|runners|model|bus|store)\//, /\/(actors|cli)\//)).toEqual([]);
    expect(offences(/^(?!.*\/cli\/)/, /\/cli\//)).toEqual([]);
  });

  it("knows NATS in the bus, the stores and the journal only", () => {
    const allowed = /^(shared\/(bus|store)|coordinator\/journal)\//;
    expect(offences(/./, /^nats$/, allowed)).toEqual([]);
  });

  it("starts processes in the runners, the launchers and nowhere else", () => {
    const allowed = /^(agent\/(runners|cli)|shared\/(host|bus\/embedded)|coordinator\/(cli|readers\/git))\//;
    expect(offences(/./, /^(execa|node:child_process)$/, allowed)).toEqual([]);
  });

  it("gives pure code no way to the outside", () => {
    const pure = /\/core\/|^shared\/model\//;
    expect(offences(pure, /^node:(?!crypto$|path$)/)).toEqual([]);
    expect(
      uses(
        pure,
        /\b(Date\.now|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|process\.)/g,
      ),
    ).toEqual([]);
  });

  it("gives actors time, timers, ids and chance from their context only", () => {
    const actors = /\/actors\//;
    expect(
      uses(
        actors,
        /\b(Date\.now|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|randomUUID)/g,
      ),
    ).toEqual([]);
  });

  it("has no file that grew past one idea", () => {
    const long = sources.filter(({ text }) => text.split("\n").length > 400).map(({ path }) => path);
    expect(long).toEqual([]);
  });
});
