/** Where a user's local cluster of one namespace keeps its data, and what is in that folder. */
import { isAbsolute, join } from "node:path";
import { makePrivateFolder } from "../../../shared/bus/embedded/server-folder.ts";
import { asMillraceError, MillraceError } from "../../../shared/model/error.ts";

/** `$XDG_STATE_HOME/millrace/<namespace>`, or below `~/.local/state`. */
export function localStateFolder(environment: NodeJS.ProcessEnv, namespace: string): string {
  const { XDG_STATE_HOME: state, HOME: home } = environment;
  if (state !== undefined && isAbsolute(state)) return join(state, "millrace", namespace);
  if (home !== undefined && isAbsolute(home)) return join(home, ".local", "state", "millrace", namespace);
  throw new MillraceError("badInput", "there is no folder to keep the local server's data in", {
    fix: "Set HOME or XDG_STATE_HOME, or use a running cluster with --server.",
  });
}

/** Names within the state folder. The guard's script uses them by the same names. */
export class StateFolder {
  readonly path: string;
  readonly fifo: string;
  readonly lock: string;
  /** The server's URL with credentials; there as long as the cluster can be used. */
  readonly serverFile: string;
  /** One empty file for each user that the guard has taken note of, named by the user's id. */
  readonly users: string;
  readonly guardScript: string;
  readonly guardLog: string;
  /** There while a guard runs, and after one that was killed. */
  readonly guardPid: string;
  readonly coordinatorLog: string;
  /** How the server ended last, if it did. */
  readonly serverEnded: string;
  /** Tells the guard's keepers to start nothing more. */
  readonly ending: string;

  private constructor(path: string) {
    this.path = path;
    this.fifo = join(path, "fifo");
    this.lock = join(path, "start.lock");
    this.serverFile = join(path, "server.json");
    this.users = join(path, "users");
    this.guardScript = join(path, "guard.sh");
    this.guardLog = join(path, "guard.log");
    this.guardPid = join(path, "guard.pid");
    this.coordinatorLog = join(path, "coordinator.log");
    this.serverEnded = join(path, "nats-server.ended");
    this.ending = join(path, "ending");
  }

  static async open(path: string): Promise<StateFolder> {
    try {
      await makePrivateFolder(path);
    } catch (error) {
      const reason = asMillraceError(error, `cannot use the state folder ${path}`);
      throw new MillraceError("badInput", reason.message, {
        fix: "Set XDG_STATE_HOME to a folder you may write to, or use a running cluster with --server.",
        cause: error,
      });
    }
    return new StateFolder(path);
  }
}
