/**
 * The two commands as a few files each, with the libraries they use: loading hundreds of modules one by one is most of
 * what a short command takes. They are CommonJS, as Node lets only scripts be compiled with a cache; what people start
 * are a few lines that load them. What `tsc` makes beside it is the client library and its types.
 */
import { defineConfig } from "rolldown";

const shared = {
  platform: "node",
  resolve: { mainFields: ["module", "main"] },
  // One loads a native module where there is one; of the other a bundler takes what Node does not.
  external: ["msgpackr-extract", "jsonc-parser"],
  logLevel: "warn",
};

const starts = ["coordinator/cli/main", "agent/cli/main"].map((name) => ({
  ...shared,
  input: { [name]: `${name}.ts` },
  output: { dir: "dist", format: "esm", entryFileNames: "[name].js" },
}));

export default defineConfig([
  ...starts,
  {
    ...shared,
    input: {
      millrace: "coordinator/cli/millrace.ts",
      "millrace-agent": "agent/cli/millrace-agent.ts",
    },
    output: {
      dir: "dist/programs",
      format: "cjs",
      entryFileNames: "[name].cjs",
      chunkFileNames: "[name].cjs",
    },
  },
]);
