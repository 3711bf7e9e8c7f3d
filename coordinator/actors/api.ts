/** The edge of the API: bytes are validated into a command, the coordinator actor's reply becomes bytes. */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { ActorSystem } from "../../shared/actor/system.ts";
import { api, type Verb } from "../../shared/model/api.ts";
import { type ErrorCode, MillraceError } from "../../shared/model/error.ts";
import type { Command, CoordinatorMessage, Reply } from "./messages.ts";

const REPLY_TIMEOUT_MS = 60_000;
/** A submission goes into the journal as one message. */
const MAX_REQUEST_BYTES = 400 * 1024;

export async function answerApi(
  system: ActorSystem,
  coordinator: ActorRef<CoordinatorMessage>,
  verb: Verb,
  request: Uint8Array,
): Promise<Uint8Array> {
  const command = parseCommand(verb, request);
  const reply = await system.ask<Reply, CoordinatorMessage>(
    coordinator,
    (replyTo) => ({ kind: "command", command, replyTo }),
    REPLY_TIMEOUT_MS,
  );
  if (!reply.ok) {
    const detail = reply.fix === undefined ? {} : { fix: reply.fix };
    throw new MillraceError(reply.code as ErrorCode, reply.message, detail);
  }
  return Buffer.from(JSON.stringify({ ok: true, result: reply.result }));
}

function parseCommand(verb: Verb, request: Uint8Array): Command {
  if (request.length > MAX_REQUEST_BYTES) {
    throw new MillraceError(
      "badInput",
      `the request of ${verb} is of ${request.length} bytes, more than ${MAX_REQUEST_BYTES}`,
      {
        fix: "Store the graph as the object graph/<sha256 of its JSON> and name its digest.",
      },
    );
  }
  let value: unknown;
  try {
    value = request.length === 0 ? {} : JSON.parse(Buffer.from(request).toString());
  } catch (cause) {
    throw new MillraceError("badInput", `the request of ${verb} is not JSON`, { cause });
  }
  const parsed = api[verb].request.safeParse(value);
  if (!parsed.success) {
    const issues = parsed.error.issues
      .slice(0, 10)
      .map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new MillraceError("badInput", `the request of ${verb} is not valid: ${issues.join("; ")}`);
  }
  return { verb, request: parsed.data } as Command;
}
