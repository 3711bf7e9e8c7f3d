/**
 * The two commands as a few files each, with the libraries they use: loading hundreds of modules one by one is most of
 * what a short command takes. What `tsc` makes beside it is the client library and its types.
 */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: {
    "coordinator/cli/main": "coordinator/cli/main.ts",
    "agent/cli/main": "agent/cli/main.ts",
  },
  platform: "node",
  resolve: { mainFields: ["module", "main"] },
  // One loads a native module where there is one; of the other a bundler takes what Node does not.
  external: ["msgpackr-extract", "jsonc-parser"],
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
  },
  logLevel: "warn",
});
