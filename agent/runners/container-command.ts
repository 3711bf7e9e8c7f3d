/** A command that people have run in a container: what it wrote, within bounds, and how it ended. */
import type { Readable } from "node:stream";
import { execa } from "execa";
import { type AgentAnswer, type AgentRefusal, EXEC_LIMIT_MS } from "../../shared/model/agent-question.ts";
import type { Engine } from "./engine.ts";
import { engineWords } from "./engine-command.ts";

const KEPT_BYTES = 128 * 1024;

/** Without a terminal, and with nothing to read; past the limit nobody waits for it, but the engine may not end it. */
export async function runInContainer(
  engine: Engine,
  container: string,
  argv: readonly string[],
): Promise<AgentAnswer | AgentRefusal> {
  const call = execa(engine.binary, ["exec", container, ...argv], {
    buffer: false,
    reject: false,
    stdin: "ignore",
    timeout: EXEC_LIMIT_MS,
  });
  const [stdout, stderr, result] = await Promise.all([head(call.stdout), head(call.stderr), call]);
  if (result.timedOut) {
    return {
      kind: "refused",
      code: "unavailable",
      message: `the command took over ${EXEC_LIMIT_MS / 1000} s`,
    };
  }
  const { exitCode } = result;
  if (exitCode === undefined) {
    const message = engineWords(stderr.text) || (result.originalMessage ?? "the engine did not answer");
    return { kind: "refused", code: "unavailable", message: message.slice(0, 2000) };
  }
  const isCut = stdout.isCut || stderr.isCut;
  return { kind: "exec", exitCode, stdout: stdout.text, stderr: stderr.text, isCut };
}

async function head(stream: Readable): Promise<{ text: string; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes < KEPT_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  const kept = Buffer.concat(chunks).subarray(0, KEPT_BYTES);
  return { text: kept.toString(), isCut: bytes > KEPT_BYTES };
}
