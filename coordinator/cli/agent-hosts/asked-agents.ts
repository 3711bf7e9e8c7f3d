/** The agents that a command asks about their hosts, all at once, and what becomes of those that don't answer. */
import { z } from "zod";
import type { AgentQuestion, AgentQuestionInput, AnswerTo } from "../../../shared/client/index.ts";
import { type Client, MillraceError } from "../../../shared/client/index.ts";
import { exitCode } from "../exit-code.ts";
import { connectionShape } from "../option-values.ts";
import type { Terminal } from "../terminal.ts";

/** The options of all commands about agents' hosts. */
export const hostShape = {
  ...connectionShape,
  csv: z.boolean().default(false),
  json: z.boolean().default(false),
};

/** Agents by name or, when none is named, all that are there. */
export async function askedAgents(client: Client, named: readonly string[]): Promise<readonly string[]> {
  if (named.length > 0) return [...new Set(named)];
  const present: string[] = [];
  for await (const { agent, state } of client.agents())
    if (state === "up" || state === "suspect") present.push(agent);
  if (present.length > 0) return present;
  throw new MillraceError("unavailable", "no agent is there", {
    fix: "Start one with millrace-agent or millrace up.",
  });
}

/** An agent with its answer. */
export interface Answered<A> {
  readonly agent: string;
  readonly answer: A;
}

export interface Round<A> {
  readonly answered: readonly Answered<A>[];
  /** 0, or 3 when an agent did not answer that should have. */
  readonly status: number;
}

/**
 * Asks each; one that does not answer is told, and keeps nobody else from answering. That an agent has no engine fails
 * the command only where that agent was named; a single one's refusal is the command's.
 */
export async function askAll<K extends AgentQuestion["kind"]>(
  client: Client,
  terminal: Terminal,
  named: readonly string[],
  question: Extract<AgentQuestionInput, { readonly kind: K }>,
): Promise<Round<AnswerTo<K>>> {
  const agents = await askedAgents(client, named);
  const outcomes = await Promise.allSettled(agents.map((agent) => client.ask<K>(agent, question)));
  const answered: Answered<AnswerTo<K>>[] = [];
  let status: number = exitCode.succeeded;
  for (const [index, outcome] of outcomes.entries()) {
    const agent = agents[index] ?? "";
    if (outcome.status === "fulfilled") {
      answered.push({ agent, answer: outcome.value });
      continue;
    }
    const { reason } = outcome;
    if (agents.length === 1 || !(reason instanceof MillraceError)) throw reason;
    terminal.note(reason.message);
    if (named.length > 0 || reason.code !== "unsupported") status = exitCode.infrastructure;
  }
  return { answered, status };
}
