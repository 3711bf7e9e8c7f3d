/**
 * Runs a TypeScript program of the tests outside of vitest, by the transformer that vitest brings along:
 * `node test/support/run-typescript.mjs test/chaos/main.ts --minutes 1`. The program reads `process.argv` as usual.
 */
import { resolve } from "node:path";
import { createViteServer } from "vitest/node";

const [, , program, ...args] = process.argv;
process.argv = [process.argv[0], resolve(program), ...args];
const server = await createViteServer({
  configFile: false,
  appType: "custom",
  // What this Node does not know yet is written in what it does.
  oxc: { target: "node20" },
  logLevel: "error",
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
await server.ssrLoadModule(resolve(program));
await server.close();
