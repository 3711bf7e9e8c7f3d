#!/usr/bin/env node
/** The start of the `millrace` command: loads the program that the bundler has made of millrace.ts. */
import { fileURLToPath } from "node:url";
import { loadProgram, setEngineFlags, YOUNG_HEAP_FLAG } from "../../shared/host/built-program.ts";

/**
 * The heap is collected when it has grown by so much over what was found in use: while a run is busy V8 lets it grow to
 * a multiple of that, of which most is garbage.
 */
const OLD_HEAP_FLAG = "--heap-growing-percent=40";

const flags = new Map<string, readonly string[]>([
  ["coordinator", [OLD_HEAP_FLAG, YOUNG_HEAP_FLAG]],
  ["run", [YOUNG_HEAP_FLAG]],
  ["build", [YOUNG_HEAP_FLAG]],
]);

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

const [, , word = ""] = process.argv;
setEngineFlags(flags.get(word) ?? []);
const program = loadProgram(
  pathOf("../../programs/millrace.cjs"),
  /^[a-z][a-z-]*$/.test(word) ? `millrace-${word}` : "millrace",
) as typeof import("./millrace.ts");
await program.runMillrace({ millrace: pathOf("main.js"), agent: pathOf("../../agent/cli/main.js") });
