import { createInterface } from "node:readline/promises";
import { MillraceError } from "../../shared/model/error.ts";
import type { Interruption } from "./interruption.ts";

/** What answers questions: a person at a terminal, or nobody. */
export interface Answerer {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
  /** The option that says yes beforehand. */
  readonly consent: string;
}

/** Asks before something is done that can't be undone; throws `badInput` where nobody can answer. */
export async function confirm(
  question: string,
  interruption: Pick<Interruption, "signal">,
  { input = process.stdin, output = process.stderr, consent = "--non-interactive" }: Partial<Answerer> = {},
): Promise<boolean> {
  if (input.isTTY !== true) {
    throw new MillraceError("badInput", "there is no terminal to ask at", {
      fix: `Say with ${consent} that it may be done.`,
    });
  }
  // Not `terminal: true`: that one takes Ctrl-C for itself.
  const lines = createInterface({ input, output, terminal: false });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: interruption.signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
