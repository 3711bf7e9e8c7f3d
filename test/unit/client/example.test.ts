import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const examplePath = join(root, "examples/client/watch.mjs");

describe("the client library's example", () => {
  it("is the one that its page shows", async () => {
    const page = await readFile(join(root, "docs/client-library.md"), "utf8");
    const shown = /<!-- example -->\n```js\n([\s\S]*?)```/.exec(page)?.[1];
    expect(shown).toBe(await readFile(examplePath, "utf8"));
  });

  it("fits on a screen", async () => {
    const lines = (await readFile(examplePath, "utf8")).trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(115);
  });

  it("agrees with the library's types", { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(root, "node_modules/.example-"));
    try {
      const config = {
        extends: join(root, "tsconfig.json"),
        compilerOptions: {
          noEmit: true,
          allowJs: true,
          checkJs: true,
          rootDir: root,
          paths: { millrace: [join(root, "shared/client/index.ts")] },
        },
        include: [examplePath],
      };
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
      const compiler = join(root, "node_modules/.bin/tsc");
      const { stdout } = await promisify(execFile)(compiler, ["-p", folder]).catch(
        (error: unknown) => error as { stdout: string },
      );
      expect(stdout.split("\n").filter((line) => line.startsWith("examples/"))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
