/** Runs an agent in the foreground until it is told to stop. */
import pino from "pino";
import { MillraceError } from "../../shared/model/error.ts";
import { type RunningAgent, startAgent } from "../agent.ts";
import type { StopMode } from "../core/stopping.ts";
import { readOptions } from "./options.ts";
import { plainLogger } from "./plain-logger.ts";

/** An agent that is to stop before it has started gets this long to start. */
const START_PATIENCE_MS = 2_000;

/** Resolves with the exit status. */
export async function runAgent(raw: unknown): Promise<number> {
  const options = readOptions(raw, process.env);
  const serializers = { error: pino.stdSerializers.err };
  const log = options.jsonLogs
    ? pino({ level: options.logLevel, base: { agent: options.name }, serializers }, pino.destination(2))
    : plainLogger(options.logLevel);
  let agent: RunningAgent | undefined;
  let early: StopMode | undefined;
  const stop = (mode: StopMode) => {
    log.info({ mode }, "stopping");
    if (agent !== undefined) return agent.stop(mode);
    if (early !== undefined) process.exit(0);
    // It may be about to take over what an earlier process left running, and then must end it.
    early = mode;
    setTimeout(() => agent ?? process.exit(0), START_PATIENCE_MS).unref();
  };
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    stop(signals === 1 ? options.stop : "now");
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  if (options.exitWithStdin) {
    const lifelineCut = () => stop("now");
    process.stdin.once("end", lifelineCut).once("error", lifelineCut).resume();
  }
  const server = options.server === "-" ? await firstLine(process.stdin) : options.server;
  agent = await startAgent({
    server,
    namespace: options.namespace,
    name: options.name,
    capacity: options.capacity,
    labels: options.label,
    pool: options.pool,
    workFolder: options.workFolder,
    keepFailed: options.keepFailed,
    isShellOnly: options.shellOnly,
    heartbeatMs: options.heartbeat,
    graceMs: options.grace,
    passEnvironment: options.passEnv,
    runner: options.runner,
    ...(options.minFree === undefined ? {} : { minFree: options.minFree }),
    ...(options.logBacklog === undefined ? {} : { logBacklogBytes: options.logBacklog }),
    log,
  });
  if (early !== undefined) agent.stop(early);
  return (await agent.ended) === "stopped" ? 0 : 3;
}

/** What follows it is left to other readers. */
function firstLine(input: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const take = (chunk: string): void => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0) return;
      input.off("data", take);
      resolve(text.slice(0, end));
    };
    input.setEncoding("utf8").on("data", take);
    input.once("end", () =>
      reject(new MillraceError("badInput", "standard input ended before it named a server")),
    );
  });
}
