import { once } from "node:events";
import pino from "pino";
import { z } from "zod";
import { MillraceError } from "../../../shared/model/error.ts";
import { identifierSchema } from "../../../shared/model/name.ts";
import { startCoordinator } from "../../coordinator.ts";
import { namedServer } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";

const schema = z.object({
  server: z.string().min(1).optional(),
  namespace: identifierSchema.default("default"),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

/** `millrace coordinator`: a service, ended in order by a signal; its log is JSON on stderr. */
export const command = defineCommand(schema, async (input, context) => {
  const server = namedServer(input, context);
  if (server === undefined) {
    throw new MillraceError("badInput", "a coordinator needs the URL of a NATS server", {
      fix: "Set MILLRACE_SERVER, or give --server; for a cluster on this machine use millrace up.",
    });
  }
  const { interruption } = context;
  interruption.take();
  const log = pino({ level: input.logLevel, base: { namespace: input.namespace } }, pino.destination(2));
  const interrupted = interruption.signal.aborted ? Promise.resolve() : once(interruption.signal, "abort");
  const started = startCoordinator({ server, namespace: input.namespace, log });
  const first = await Promise.race([started, interrupted.then(() => undefined)]);
  // It may wait for its server for ever; nothing it has done by then needs undoing.
  if (first === undefined) return exitCode.succeeded;
  const why = await Promise.race([first.ended, interrupted.then(() => "interrupted" as const)]);
  await first.stop();
  if (why === "interrupted" || why === "stopped") return exitCode.succeeded;
  const message =
    why === "deposed" ? "another coordinator has taken over" : "the coordinator has failed; see its log";
  throw new MillraceError(why === "deposed" ? "deposed" : "internal", message);
});
