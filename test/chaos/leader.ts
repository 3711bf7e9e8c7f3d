/** Which of a stage's coordinators leads, by what they log. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Service } from "./service.ts";
import type { Stage } from "./stage.ts";

const lineSchema = z.object({ msg: z.literal("leading"), epoch: z.number() });

/** The coordinator that took the lead last. */
export async function leaderOf(stage: Stage): Promise<Service> {
  const terms = await Promise.all(
    stage.coordinators.map(async (name) => ({
      name,
      epoch: lastTerm(await readFile(stage.logFile(name), "utf8")),
    })),
  );
  const { name, epoch } = terms.reduce((latest, term) => (term.epoch > latest.epoch ? term : latest));
  const service = stage.services.get(name);
  if (epoch === 0 || service === undefined) throw new Error("nobody has said that it leads");
  return service;
}

function lastTerm(log: string): number {
  const terms = log.split("\n").flatMap((line) => {
    const parsed = lineSchema.safeParse(parseJson(line));
    return parsed.success ? [parsed.data.epoch] : [];
  });
  return Math.max(0, ...terms);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Not written to its end, or no log line.
    return undefined;
  }
}
