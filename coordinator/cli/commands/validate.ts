import { z } from "zod";
import { readRunFile } from "../../readers/run-file.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { assignVars, printProblems } from "../run-input.ts";

const schema = z.object({
  file: z.string(),
  var: z.array(z.string()).default([]),
  json: z.boolean().default(false),
});

/** `millrace validate`: reads and checks a run file, and does nothing else. */
export const command = defineCommand(schema, async ({ file, var: assignments, json }, { terminal }) => {
  const reading = await readRunFile(file);
  const problems = reading.ok ? [] : reading.problems;
  if (json) await printJson(terminal, problems);
  else printProblems(problems, terminal);
  if (!reading.ok) return exitCode.usage;
  const { jobs } = assignVars(reading.graph, assignments);
  if (!json) terminal.note(`${file}: ${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}, no mistakes`);
  return exitCode.succeeded;
});
