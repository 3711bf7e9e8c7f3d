/** One call of a container engine's command line whose answer is small: its output is kept within bounds. */
import type { Readable } from "node:stream";
import { execa } from "execa";

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const KEPT_COMPLAINT_CHARS = 8 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;

export interface EngineReply {
  readonly ok: boolean;
  readonly answer: string;
  /** Why it failed in the engine's own words, in one line; empty when it said nothing. */
  readonly words: string;
}

export interface AskOptions {
  /** Default one minute; `null` waits as long as it takes, for what may pull an image. */
  readonly timeoutMs?: number | null;
  readonly cancelSignal?: AbortSignal;
}

/** Calls the engine and resolves with what it said; a failure is an answer too, so it never rejects. */
export async function askEngine(
  binary: string,
  args: readonly string[],
  options: AskOptions = {},
): Promise<EngineReply> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, cancelSignal } = options;
  const call = execa(binary, args, {
    buffer: false,
    reject: false,
    stdin: "ignore",
    ...(timeoutMs === null ? {} : { timeout: timeoutMs }),
    ...(cancelSignal === undefined ? {} : { cancelSignal }),
  });
  const [answer, complaint, result] = await Promise.all([head(call.stdout), tail(call.stderr), call]);
  if (!result.failed && answer.whole) return { ok: true, answer: answer.text, words: "" };
  const reason = result.timedOut ? `gave no answer within ${timeoutMs} ms` : result.originalMessage;
  return { ok: false, answer: answer.text, words: engineWords(complaint) || (reason ?? "said too much") };
}

/** The last lines of what an engine wrote to stderr, without its hints on usage and the progress of a pull. */
export function engineWords(complaint: string): string {
  const lines = complaint
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^See '.*'\.?$/.test(line) && !/^[0-9a-f]{12}: /.test(line));
  return lines.slice(-3).join(" ");
}

async function head(stream: Readable): Promise<{ text: string; whole: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString(), whole: bytes <= MAX_ANSWER_BYTES };
}

async function tail(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    text = (text + chunk.toString()).slice(-KEPT_COMPLAINT_CHARS);
  }
  return text;
}
