/**
 * The folder of an embedded nats-server: its configuration, data and ports file, readable by their owner only. It
 * listens on loopback at a port the system chooses, with a user and password made anew for each start. Only settings
 * that nats-server 2.9 knows are written, as it refuses to start with others.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asMillraceError, MillraceError } from "../../model/error.ts";

const POLL_MS = 2;
const LOG_TAIL_CHARACTERS = 2_000;

/** One start of a server in a folder; `prepare` must not be called while a server runs there. */
export class ServerFolder {
  readonly configFile: string;
  readonly logFile: string;
  readonly #portsFolder: string;
  readonly #dataFolder: string;
  readonly #password = randomBytes(24).toString("base64url");

  private constructor(folder: string) {
    this.configFile = join(folder, "nats-server.conf");
    this.logFile = join(folder, "nats-server.log");
    this.#portsFolder = join(folder, "ports");
    this.#dataFolder = join(folder, "data");
  }

  /** Makes the folder private, and writes the configuration of a fresh start into it. Data of earlier ones stay. */
  static async prepare(folder: string): Promise<ServerFolder> {
    const prepared = new ServerFolder(folder);
    try {
      await makePrivateFolder(folder);
      await rm(prepared.#portsFolder, { recursive: true, force: true });
      await mkdir(prepared.#portsFolder, { mode: 0o700 });
      await writePrivate(prepared.logFile, "");
      await prepared.#writeConfig(-1);
    } catch (error) {
      throw asMillraceError(error, `cannot prepare ${folder} for nats-server`, "unavailable");
    }
    return prepared;
  }

  /**
   * Waits until the server takes connections, and fixes its port, so that it comes back there when it is started
   * again. `problem` tells why it cannot come up any more.
   */
  async untilReady(problem: () => string | undefined, timeoutMs: number): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const port = await this.#port();
      if (port !== undefined && (await accepts(port))) {
        await this.#writeConfig(port);
        return `nats://millrace:${this.#password}@127.0.0.1:${port}`;
      }
      const failure =
        problem() ?? (performance.now() > deadline ? `no answer in ${timeoutMs / 1000} s` : undefined);
      if (failure !== undefined) throw await this.#startError(failure);
      await sleep(POLL_MS);
    }
  }

  async #port(): Promise<number | undefined> {
    const [name] = (await readdir(this.#portsFolder)).filter((entry) => entry.endsWith(".ports"));
    if (name === undefined) return undefined;
    const text = await readFile(join(this.#portsFolder, name), "utf8");
    const port = /"nats:\/\/127\.0\.0\.1:(\d+)"/.exec(text)?.[1]; // nothing while it is half written
    return port === undefined ? undefined : Number(port);
  }

  async #writeConfig(port: number): Promise<void> {
    const text = [
      `listen: "127.0.0.1:${port}"`,
      `ports_file_dir: ${JSON.stringify(this.#portsFolder)}`,
      `authorization { user: "millrace", password: ${JSON.stringify(this.#password)} }`,
      // Stated, or a stream's limit could not be more than a share of what memory and disk happen to have free.
      `jetstream { store_dir: ${JSON.stringify(this.#dataFolder)}, max_mem: 1GB, max_file: 1TB }`,
      "",
    ].join("\n");
    await writePrivate(this.configFile, text);
  }

  async #startError(failure: string): Promise<MillraceError> {
    const log = await readFile(this.logFile, "utf8").catch(() => ""); // it may have died before it opened its log
    const tail = log.slice(-LOG_TAIL_CHARACTERS).trimEnd();
    return new MillraceError(
      "unavailable",
      `nats-server did not start: ${failure}${tail === "" ? "" : `; its log ends with\n${tail}`}`,
      { fix: `See ${this.logFile}; another server can be named in MILLRACE_NATS_SERVER.` },
    );
  }
}

/** A folder that nobody else may look into, also when it was there before. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/** Replaces the file in one step; at no time can anybody else read it. */
export async function writePrivate(file: string, text: string): Promise<void> {
  const partial = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(partial, text, { mode: 0o600, flag: "wx" });
  await rename(partial, file);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
