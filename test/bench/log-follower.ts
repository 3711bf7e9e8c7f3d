/** `millrace logs -f` on a job, with somebody at its output who does not read what comes before `read` is called. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { waitUntil } from "../support/wait-until.ts";
import { peakBytesOf } from "./account/processor-time.ts";
import type { Product } from "./row.ts";

const READ_LIMIT_MS = 120_000;

export class LogFollower {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #exited: Promise<unknown>;
  #bytes = 0;

  constructor(product: Product, server: string, run: string, job: string) {
    this.#child = spawn(process.execPath, [product.coordinator, "logs", "-f", run, job], {
      env: { ...process.env, MILLRACE_SERVER: server },
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#exited = once(this.#child, "exit");
    const kill = (): void => {
      this.#child.kill("SIGKILL");
    };
    process.once("exit", kill);
    this.#child.once("exit", () => process.off("exit", kill));
  }

  /** Resolves when so many bytes have been read. */
  async read(bytes: number): Promise<void> {
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
    });
    await waitUntil(`${bytes} bytes of the log are read`, () => this.#bytes >= bytes, {
      timeoutMs: READ_LIMIT_MS,
      diagnose: () => ({ read: this.#bytes }),
    });
  }

  /** The most memory that the command has had; nothing where it has ended by now. */
  peakBytes(): number {
    try {
      return this.#child.pid === undefined ? 0 : peakBytesOf(this.#child.pid);
    } catch {
      return 0;
    }
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
