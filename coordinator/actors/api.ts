/** The edge of the API: the bytes of a request are validated into a command, a reply becomes bytes. */
import { api, type Verb } from "../../shared/model/api.ts";
import { type ErrorCode, MillraceError } from "../../shared/model/error.ts";
import type { Command, Reply } from "./messages.ts";

/** A submission goes into the journal as one message. */
const MAX_REQUEST_BYTES = 400 * 1024;

/** Throws a `badInput` for what is no valid request of the verb. */
export function parseCommand(verb: Verb, request: Uint8Array): Command {
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

/** The reply as a caller gets it; a refusal is thrown. */
export function replyBytes(reply: Reply): Uint8Array {
  if (reply.ok) return Buffer.from(JSON.stringify({ ok: true, result: reply.result }));
  const detail = reply.fix === undefined ? {} : { fix: reply.fix };
  throw new MillraceError(reply.code as ErrorCode, reply.message, detail);
}
