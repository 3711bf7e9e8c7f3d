/**
 * The control API as a NATS service: one endpoint per verb, so that `nats micro ls` and `nats micro info` show it.
 * One member of the queue group answers each request.
 */

import type { ServiceMsg } from "nats";
import type { z } from "zod";
import { type apiFailureSchema, type Verb, verbs } from "../model/api.ts";
import { asMillraceError, MillraceError } from "../model/error.ts";
import type { Bus } from "./connection.ts";

export type ApiHandler = (verb: Verb, request: Uint8Array) => Promise<Uint8Array>;

export interface ApiService {
  /** Takes no more requests; the ones being handled are still answered. */
  stop(): Promise<void>;
  /** Resolves when it no longer serves, with the reason unless it was stopped. */
  readonly stopped: Promise<Error | undefined>;
}

const SERVICE_NAME = "millrace";
const QUEUE_GROUP = "coordinators";

/** Answers the API of the bus's namespace; what the handler throws becomes a failure reply. */
export async function serveApi(bus: Bus, version: string, handle: ApiHandler): Promise<ApiService> {
  const { namespace } = bus.subjects;
  const service = await bus.connection.services.add({
    name: SERVICE_NAME,
    version,
    description: "Runs graphs of build jobs on a fleet of hosts",
    metadata: { namespace },
    queue: QUEUE_GROUP,
  });
  for (const verb of verbs) {
    service.addEndpoint(verb, {
      subject: bus.subjects.api(verb),
      metadata: { namespace },
      handler: (error, message) => {
        // With an error the service closes itself, and `stopped` says so.
        if (error === null) void answer(bus, message, handle(verb, message.data));
      },
    });
  }
  await flushed(bus);
  return {
    stopped: service.stopped.then((reason) => reason ?? undefined),
    stop: async () => {
      await service.stop();
    },
  };
}

/** The server has the subscriptions; where the connection is lost meanwhile, they are sent anew with the next one. */
async function flushed({ connection }: Bus): Promise<void> {
  try {
    await connection.flush();
  } catch (cause) {
    if (!connection.isClosed()) return;
    throw new MillraceError("unavailable", "the connection to the server is closed", { cause });
  }
}

async function answer(bus: Bus, message: ServiceMsg, reply: Promise<Uint8Array>): Promise<void> {
  try {
    const bytes = await reply;
    if (bytes.length > bus.maxPayload()) {
      throw new MillraceError(
        "badInput",
        `the reply of ${bytes.length} bytes passes the server's message limit`,
        {
          fix: "Ask for fewer entries at a time with `limit`.",
        },
      );
    }
    message.respond(bytes);
  } catch (thrown) {
    respondFailure(bus, message, asMillraceError(thrown, "the request failed"));
  }
}

function respondFailure(bus: Bus, message: ServiceMsg, { code, message: text, fix }: MillraceError): void {
  if (bus.connection.isClosed()) return;
  const failure: z.infer<typeof apiFailureSchema> = {
    ok: false,
    error: { code, message: text, ...(fix === undefined ? {} : { fix }) },
  };
  // The headers are what NATS tooling reads; the body is the API's own form.
  message.respondError(500, code, Buffer.from(JSON.stringify(failure)));
}
