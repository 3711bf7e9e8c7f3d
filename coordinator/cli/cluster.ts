import type { Client } from "../../shared/client/client.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { CommandContext } from "./command-context.ts";
import { localStateFolder } from "./local/state-folder.ts";
import type { ConnectionInput } from "./option-values.ts";

/** A coordinator that starts on a busy machine may take longer than one that runs. */
const LOCAL_REQUEST_TIMEOUT_MS = 60_000;

const loadClient = () => import("../../shared/client/connect.ts");

/** A server's URL while it is in use. */
export interface ServerHold {
  readonly url: string;
  readonly isLocal: boolean;
  release(): Promise<void>;
}

/** The server that was named, by option or environment, or undefined for the local cluster. */
export function namedServer(input: ConnectionInput, { environment }: CommandContext): string | undefined {
  return input.server ?? (environment.MILLRACE_SERVER || undefined);
}

/**
 * Holds the named server, or starts this user's local cluster, or joins it when it is up already. When it starts one it
 * says as soon as the coordinator loads.
 */
export async function holdServer(
  input: ConnectionInput,
  context: CommandContext,
  onCoordinatorStarted: () => void = () => {},
): Promise<ServerHold> {
  const named = namedServer(input, context);
  if (named !== undefined) return { url: named, isLocal: false, release: async () => {} };
  const { acquireLocalCluster } = await import("./local/local-cluster.ts");
  const local = await acquireLocalCluster({
    stateDir: localStateFolder(context.environment, input.namespace),
    coordinatorCommand: [
      process.execPath,
      context.programs.millrace,
      "coordinator",
      "--namespace",
      input.namespace,
    ],
    onCoordinatorStarted,
    // To load the library takes as long as the server to start. Should it fail, `connectTo` tells.
    meanwhile: () => void loadClient().catch(() => {}),
  }).catch((error: unknown) => {
    throw infrastructure(error);
  });
  return { url: local.url, isLocal: true, release: () => local.release() };
}

/** What a local cluster lacks, such as a nats-server, is no mistake in the input. */
function infrastructure(error: unknown): unknown {
  if (!(error instanceof MillraceError) || error.code !== "notFound") return error;
  const { message, fix, cause } = error;
  return new MillraceError("unavailable", message, { ...(fix === undefined ? {} : { fix }), cause });
}

/** Connects to the cluster that the command line names for one piece of work, and lets go of it whatever comes. */
export async function withCluster<T>(
  input: ConnectionInput,
  context: CommandContext,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const hold = await holdServer(input, context);
  try {
    const client = await connectTo(hold, input, context);
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  } finally {
    await hold.release();
  }
}

/** A client of the server that is held. */
export async function connectTo(
  hold: ServerHold,
  input: ConnectionInput,
  context: CommandContext,
): Promise<Client> {
  const { connect } = await loadClient();
  return await connect({
    server: hold.url,
    namespace: input.namespace,
    name: `millrace ${context.entry.name}`,
    ...(hold.isLocal ? { requestTimeoutMs: LOCAL_REQUEST_TIMEOUT_MS } : {}),
  });
}
