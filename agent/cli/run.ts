/** Runs an agent in the foreground until it is told to stop. */
import pino from "pino";
import { startAgent } from "../agent.ts";
import { readOptions } from "./options.ts";
import { plainLogger } from "./plain-logger.ts";

/** Resolves with the exit status. */
export async function runAgent(raw: unknown): Promise<number> {
  const options = readOptions(raw, process.env);
  const log = options.jsonLogs
    ? pino({ level: options.logLevel, base: { agent: options.name } }, pino.destination(2))
    : plainLogger(options.logLevel);
  const agent = await startAgent({
    server: options.server,
    namespace: options.namespace,
    name: options.name,
    capacity: options.capacity,
    labels: options.label,
    pool: options.pool,
    workFolder: options.workFolder,
    keepFailed: options.keepFailed,
    heartbeatMs: options.heartbeat,
    graceMs: options.grace,
    passEnvironment: options.passEnv,
    log,
  });
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    const mode = signals === 1 ? options.stop : "now";
    log.info({ mode }, "stopping");
    agent.stop(mode);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  if (options.exitWithStdin) {
    const lifelineCut = () => agent.stop("now");
    process.stdin.once("end", lifelineCut).once("error", lifelineCut).resume();
  }
  return (await agent.ended) === "stopped" ? 0 : 3;
}
