import { once } from "node:events";
import pino from "pino";
import { z } from "zod";
import { MillraceError } from "../../../shared/model/error.ts";
import { identifierSchema } from "../../../shared/model/name.ts";
import { startCoordinator } from "../../coordinator.ts";
import { DEFAULT_FLEET_TIMES, MISSED_BEFORE_SUSPECT } from "../../core/fleet.ts";
import { namedServer } from "../cluster.ts";
import type { CommandContext } from "../command-context.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { SERVER_FILE_VARIABLE, untilServed } from "../local/server-file.ts";
import { durationValue, sizeValue, unreferencedValue, wholeNumber } from "../option-values.ts";

const shape = z.object({
  server: z.string().min(1).optional(),
  namespace: identifierSchema.default("default"),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  heartbeat: durationValue.default(DEFAULT_FLEET_TIMES.heartbeatMs),
  lostAfter: durationValue.default(DEFAULT_FLEET_TIMES.lostAfterMs),
  keepRunsFor: z
    .union([z.literal("forever").transform(() => Number.POSITIVE_INFINITY), durationValue])
    .optional(),
  keepRuns: z
    .union([
      z.literal("all").transform(() => Number.POSITIVE_INFINITY),
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    ])
    .optional(),
  keepUnreferenced: unreferencedValue.optional(),
  storageLimit: sizeValue.optional(),
  replicas: z.enum(["1", "3", "5"]).transform(Number).optional(),
});

const schema = shape.refine(({ heartbeat, lostAfter }) => lostAfter > MISSED_BEFORE_SUSPECT * heartbeat, {
  path: ["lostAfter"],
  message: `must be longer than ${MISSED_BEFORE_SUSPECT} heartbeats`,
});

/** `millrace coordinator`: a service, ended in order by a signal; its log is JSON on stderr. */
export const command = defineCommand(schema, async (input, context) => {
  const { interruption } = context;
  interruption.take();
  const server = namedServer(input, context) ?? (await localServer(context));
  // Nothing was begun.
  if (server === undefined) return exitCode.succeeded;
  const serializers = { error: pino.stdSerializers.err };
  const base = { namespace: input.namespace };
  const log = pino({ level: input.logLevel, base, serializers }, pino.destination(2));
  const interrupted = interruption.signal.aborted ? Promise.resolve() : once(interruption.signal, "abort");
  const { keepRunsFor, keepRuns, keepUnreferenced, storageLimit, replicas } = input;
  const started = startCoordinator({
    server,
    namespace: input.namespace,
    log,
    heartbeatMs: input.heartbeat,
    lostAfterMs: input.lostAfter,
    retention: {
      ...(keepRunsFor === undefined ? {} : { keepRunsForMs: keepRunsFor }),
      ...(keepRuns === undefined ? {} : { keepRuns }),
      ...(keepUnreferenced === undefined ? {} : { unreferencedForMs: keepUnreferenced }),
    },
    ...(storageLimit === undefined ? {} : { storageMaxBytes: storageLimit }),
    ...(replicas === undefined ? {} : { streams: { replicas } }),
  });
  const first = await Promise.race([started, interrupted.then(() => undefined)]);
  // It may wait for its server for ever; nothing it has done by then needs undoing.
  if (first === undefined) return exitCode.succeeded;
  const why = await Promise.race([first.ended, interrupted.then(() => "interrupted" as const)]);
  await first.stop();
  if (why === "interrupted" || why === "stopped") return exitCode.succeeded;
  throw new MillraceError("internal", "the coordinator has failed; see its log");
});

/** That of the local cluster which has started this coordinator, once it is up; nothing when it ends before. */
async function localServer({ environment, interruption }: CommandContext): Promise<string | undefined> {
  const file = environment[SERVER_FILE_VARIABLE];
  if (file !== undefined) return await untilServed(file, interruption.signal);
  throw new MillraceError("badInput", "a coordinator needs the URL of a NATS server", {
    fix: "Set MILLRACE_SERVER, or give --server; for a cluster on this machine use millrace up.",
  });
}
