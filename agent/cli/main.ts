#!/usr/bin/env node
/** The start of the `millrace-agent` command: loads the program that the bundler has made of millrace-agent.ts. */
import { fileURLToPath } from "node:url";
import { loadProgram, setEngineFlags, YOUNG_HEAP_FLAG } from "../../shared/host/built-program.ts";

const path = fileURLToPath(new URL("../../programs/millrace-agent.cjs", import.meta.url));
setEngineFlags([YOUNG_HEAP_FLAG]);
const program = loadProgram(path, "agent") as typeof import("./millrace-agent.ts");
await program.runMillraceAgent(fileURLToPath(import.meta.url));
