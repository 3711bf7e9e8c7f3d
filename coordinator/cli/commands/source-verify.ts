import { z } from "zod";
import { inCrew } from "../../sources/crew.ts";
import { checkSource, describeState } from "../../sources/source-state.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { chooseSources, listedSource, sourceChoiceShape } from "../source-choice.ts";
import { printSourceTable } from "../source-listing.ts";

const CONCURRENT_CHECKS = 4;

const schema = z.object(sourceChoiceShape);

/** `millrace source verify`: lists what is not right, and fails when something is not. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const sources = await chooseSources(input, context);
  const checked = await inCrew(CONCURRENT_CHECKS, sources, async (cached) => ({
    cached,
    state: await checkSource(cached),
  }));
  const wrong = checked.filter(({ state }) => state.kind !== "right");
  if (input.json) {
    await printJson(
      terminal,
      checked.map(({ cached, state }) => ({ ...listedSource(cached), state })),
    );
  } else {
    const rows = wrong.map(({ cached, state }) => [cached, describeState(cached, state)] as const);
    if (rows.length > 0) await printSourceTable(terminal, "STATE", rows);
    terminal.note(`${checked.length - wrong.length} of ${checked.length} sources are right`);
  }
  return wrong.length === 0 ? exitCode.succeeded : exitCode.checkFailed;
});
