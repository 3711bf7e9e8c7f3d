/**
 * Reads a run file: bytes to text, text to a tree with places, tree to the checked file and its compiled graph.
 *
 * Every stage reports all it finds; a later one still runs when it can make sense of what is there, so that one
 * reading tells every mistake. Only broken syntax hides what may be wrong beyond it.
 */
import { readFile } from "node:fs/promises";
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";
import type { Graph } from "../../shared/model/graph.ts";
import { runFileSchema } from "../../shared/model/run-file.ts";
import { checkJobs } from "./job-outline.ts";
import { readJsonTree } from "./json-tree.ts";
import { knownElsewhere } from "./known-elsewhere.ts";
import { graphOf, type RunFileGraph } from "./run-file-graph.ts";
import { schemaReader } from "./schema-reader.ts";
import { decodeUtf8, type Problem, ProblemList } from "./source-text.ts";
import { readYamlTree } from "./yaml-tree.ts";

export type RunFileReading =
  | ({ readonly ok: true; readonly compiled: Graph } & RunFileGraph)
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads and checks a file: JSON by its extension, YAML otherwise. A MillraceError says that it can't be opened. */
export async function readRunFile(path: string): Promise<RunFileReading> {
  const decoding = decodeUtf8(await bytesOf(path));
  if (decoding.ok) return parseRunFile(path, decoding.text);
  const problems = new ProblemList(path, decoding.before);
  problems.report(decoding.before.length, "the file must be UTF-8 text; this byte is not");
  return { ok: false, problems: problems.list() };
}

const readTree = schemaReader(runFileSchema, "", knownElsewhere);

/** Checks the text of a run file; `file` is its name in messages and tells JSON from YAML. */
export function parseRunFile(file: string, text: string): RunFileReading {
  const problems = new ProblemList(file, text);
  const { report } = problems;
  const root = /\.json$/i.test(file) ? readJsonTree(text, report) : readYamlTree(text, report);
  const isEmpty = root === undefined || (root.kind === "scalar" && root.value === null);
  if (isEmpty) {
    if (problems.isEmpty) report(0, 'the run file is empty; it needs at least "jobs"');
    return { ok: false, problems: problems.list() };
  }
  const runFile = readTree(root, report);
  const compiled = checkJobs(root, report);
  if (runFile === undefined || compiled === undefined || !problems.isEmpty) {
    return { ok: false, problems: problems.list() };
  }
  return { ok: true, compiled, ...graphOf(runFile, compiled) };
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") {
      throw new MillraceError("badInput", `there is no file ${path}`, {
        cause: error,
        fix: "Check the path.",
      });
    }
    if (code === "EISDIR") {
      const fix = "Name the run file in it.";
      throw new MillraceError("badInput", `${path} is a directory, not a run file`, { cause: error, fix });
    }
    throw asMillraceError(error, `${path} cannot be read`, "badInput");
  }
}
