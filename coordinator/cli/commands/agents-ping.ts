import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type Client, MillraceError } from "../../../shared/client/index.ts";
import { printAnswers } from "../agent-hosts/answer-listing.ts";
import { askedAgents, hostShape } from "../agent-hosts/asked-agents.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { durationValue, wholeNumber } from "../option-values.ts";

const schema = z.object({
  ...hostShape,
  agents: z.array(z.string()).default([]),
  count: wholeNumber(1, 100_000).default(10),
  sleep: durationValue.default(1_000),
});

interface Pinged {
  readonly agent: string;
  /** How long each answer took, by coordinator and agent and back. */
  readonly ms: readonly number[];
  readonly lost: number;
}

/** `millrace agents ping`: whether agents answer, and how fast. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    const names = await askedAgents(client, input.agents);
    const note = (line: string): void => terminal.note(line);
    const pinged = await Promise.all(names.map((agent) => ping(client, agent, input, note)));
    await printAnswers(terminal, input, {
      columns: [
        { title: "AGENT", maxWidth: 40 },
        { title: "ANSWERS", align: "right" },
        { title: "LOST", align: "right" },
        { title: "MIN", align: "right" },
        { title: "MEDIAN", align: "right" },
        { title: "MAX", align: "right" },
      ],
      rows: pinged.map(({ agent, ms, lost }) => [
        agent,
        String(ms.length),
        String(lost),
        ...[0, 0.5, 1].map((share) => shownMs(ms, share)),
      ]),
      document: pinged,
    });
    return pinged.every(({ lost }) => lost === 0) ? exitCode.succeeded : exitCode.infrastructure;
  }),
);

async function ping(
  client: Client,
  agent: string,
  { count, sleep: pauseMs }: { readonly count: number; readonly sleep: number },
  note: (line: string) => void,
): Promise<Pinged> {
  const ms: number[] = [];
  let lost = 0;
  for (let number = 1; number <= count; number += 1) {
    if (number > 1) await sleep(pauseMs);
    const startMs = performance.now();
    try {
      await client.ask<"ping">(agent, { kind: "ping" });
      ms.push(Math.round((performance.now() - startMs) * 100) / 100);
    } catch (error) {
      // A name that nobody has will not answer the next time.
      if (!(error instanceof MillraceError) || error.code === "notFound") throw error;
      lost += 1;
      note(`agent ${agent}: ${error.message}`);
    }
  }
  return { agent, ms, lost };
}

/** The time that this share of the answers did not take longer than. */
function shownMs(ms: readonly number[], share: number): string {
  const sorted = [...ms].sort((left, right) => left - right);
  const value = sorted[Math.floor((sorted.length - 1) * share)];
  return value === undefined ? "-" : `${value.toFixed(1)} ms`;
}
