/**
 * A run from its submission to its end, as `run` and `retry` have it.
 *
 * Holds a server (its own local cluster or the named one), starts agents where the cluster is local, submits, follows,
 * copies artifacts, says how it went, and lets go of all it started, in the opposite order. When it is interrupted, or
 * its agents fail, it cancels the run and waits a bounded time for that; all the rest still happens. A second
 * interruption ends the process; agents and cluster notice that by themselves.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Client } from "../../shared/client/client.ts";
import { newRunId } from "../../shared/client/run-id.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { ArtifactCopies, type ArtifactTarget } from "./artifact-copies.ts";
import { connectTo, holdServer, namedServer, type ServerHold } from "./cluster.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCodeOfRun } from "./exit-code.ts";
import { Interrupted } from "./interruption.ts";
import { localStateFolder } from "./local/state-folder.ts";
import { LocalAgents } from "./local-agents.ts";
import { connectionShape, wholeNumber } from "./option-values.ts";
import { RunFollower } from "./run-follower.ts";
import { userName } from "./user-name.ts";

/** The options of a command that takes a run to its end. */
export const sessionShape = {
  ...connectionShape,
  out: z.union([z.string().min(1), z.literal(false)]).default("out"),
  json: z.boolean().default(false),
  slots: wholeNumber(1, 10_000).optional(),
  agents: wholeNumber(1, 1_000).optional(),
  keepFailed: z.boolean().default(false),
};
const sessionSchema = z.object(sessionShape);
export type SessionInput = z.output<typeof sessionSchema>;

/** What a run is submitted with, whatever it runs. */
export interface Placement {
  readonly run: string;
  readonly submitter: string;
  /** The agents that were started for it, and no others; left out where the cluster has its own. */
  readonly pool?: string;
  readonly failUnschedulable?: boolean;
}

/** What agents are asked for. */
export interface AgentsRequest {
  readonly input: SessionInput;
  readonly context: CommandContext;
  /** No job has an image or the paths of a package; where that is not known it is left out. */
  readonly isShellOnly?: boolean;
}

export interface Session extends AgentsRequest {
  readonly out: ArtifactTarget | undefined;
  /** Lines of a failed job's log that are shown; 20 when left out. */
  readonly tailLines?: number;
  submit(client: Client, placement: Placement, stop: AbortSignal): Promise<unknown>;
  /** Takes along what else is wanted of a run that has ended. */
  finish?(client: Client, stop: AbortSignal): Promise<void>;
}

/** How long a cancelled run may take to end before the command goes without it. */
const CANCEL_PATIENCE_MS = 15_000;

/** Options that shape local agents mean nothing to a cluster that has its own. */
export function refuseLocalOptions(input: SessionInput, context: CommandContext): void {
  if (namedServer(input, context) === undefined) return;
  const local = {
    "--slots": input.slots,
    "--agents": input.agents,
    "--keep-failed": input.keepFailed || undefined,
  };
  const given = Object.entries(local).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  if (given.length === 0) return;
  throw new MillraceError(
    "badInput",
    `${given.join(" and ")} can't be given with a server: its agents have their own settings`,
    {
      fix: "Leave them out, or run without --server and MILLRACE_SERVER.",
    },
  );
}

/** Takes the run to its end; resolves with the command's exit status. */
export function holdRun(session: Session): Promise<number> {
  return withAgents(session, (client, placement, stop) => followRun(client, placement, stop, session));
}

/** What a command does with a cluster and agents that are its own where the cluster is local, and end with it. */
export type UseOfAgents<T> = (client: Client, placement: Placement, stop: AbortSignal) => Promise<T>;

/**
 * Holds them while they are used. Nothing waits for another process to be up before it is started; only the order is that in
 * which they are needed, as processors are few: the coordinator takes longest to load.
 */
export async function withAgents<T>(request: AgentsRequest, use: UseOfAgents<T>): Promise<T> {
  const { input, context } = request;
  const { interruption } = context;
  interruption.take();
  const run = newRunId();
  let startOthers = (): void => {};
  const coordinatorStarted = new Promise<void>((resolve) => {
    startOthers = resolve;
  });
  const holding = holdServer(input, context, startOthers);
  const starting =
    namedServer(input, context) === undefined
      ? Promise.race([coordinatorStarted, holding]).then(() => startAgents(holding, run, request))
      : undefined;
  try {
    const [hold, agents] = await Promise.all([holding, starting]);
    interruption.signal.throwIfAborted();
    const stop =
      agents === undefined ? interruption.signal : AbortSignal.any([interruption.signal, agents.failure]);
    const client = await connectTo(hold, input, context);
    try {
      const own = agents === undefined ? {} : { pool: run, failUnschedulable: true };
      return await use(client, { run, submitter: userName(), ...own }, stop);
    } finally {
      await client.close();
    }
  } finally {
    await letGo(holding, starting, context);
  }
}

async function letGo(
  holding: Promise<ServerHold>,
  starting: Promise<LocalAgents> | undefined,
  { terminal }: CommandContext,
): Promise<void> {
  const [held, started] = await Promise.allSettled([holding, starting]);
  try {
    const kept = started.status === "fulfilled" ? await started.value?.stop() : undefined;
    for (const folder of kept ?? []) terminal.note(`kept the failed workspace ${folder}`);
  } finally {
    if (held.status === "fulfilled") await held.value.release();
  }
}

function startAgents(
  holding: Promise<ServerHold>,
  run: string,
  { input, context, isShellOnly = false }: AgentsRequest,
): Promise<LocalAgents> {
  const count = input.agents ?? 1;
  return LocalAgents.start({
    program: context.programs.agent,
    server: holding.then(({ url }) => url),
    namespace: input.namespace,
    pool: run,
    prefix: run,
    count,
    slots: input.slots ?? Math.max(1, Math.floor(availableParallelism() / count)),
    keepFailed: input.keepFailed,
    isShellOnly,
    parent: join(localStateFolder(context.environment, input.namespace), "agents"),
  });
}

async function followRun(
  client: Client,
  placement: Placement,
  stop: AbortSignal,
  { input, out, context, tailLines, submit, finish }: Session,
): Promise<number> {
  const { terminal } = context;
  const { run } = placement;
  await submit(client, placement, stop);
  const follower = new RunFollower(client, run, terminal, input.json);
  const copies = out === undefined ? undefined : new ArtifactCopies(out);
  const patience = cancelOnStop(stop, follower, (reason) => client.cancel(run, { reason }));
  await follower.follow(patience, (event) => copies?.onEvent(event));
  stop.throwIfAborted();
  const copied = (await copies?.copy(client, stop)) ?? 0;
  await finish?.(client, stop);
  await follower.summarise(tailLines);
  if (copied > 0) terminal.note(`artifacts of ${copied} ${copied === 1 ? "job" : "jobs"} in ${out?.path}`);
  return exitCodeOfRun(follower.progress.status);
}

/**
 * Cancels the run as soon as `stop` is aborted. The signal given back is aborted a while later: what follows the run
 * may so see the end of the cancelling, and does not hang when nobody is there to cancel.
 */
function cancelOnStop(
  stop: AbortSignal,
  follower: RunFollower,
  cancel: (reason: string) => Promise<unknown>,
): AbortSignal {
  const patience = new AbortController();
  const onStop = (): void => {
    const asked = stop.reason instanceof Interrupted;
    follower.say(asked ? "cancelling the run; Ctrl-C again ends at once" : "cancelling the run");
    setTimeout(() => patience.abort(), CANCEL_PATIENCE_MS).unref();
    cancel(stop.reason instanceof Error ? stop.reason.message : "stopped").catch((error: Error) => {
      follower.say(`the run could not be cancelled: ${error.message}`);
      patience.abort();
    });
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return patience.signal;
}
