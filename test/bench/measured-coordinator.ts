/** A coordinator that tells at its end what it took. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Product } from "./row.ts";
import { Service } from "./service.ts";

const reportSchema = z.object({
  /** The longest time for which its event loop was held, since `forgetStart`. */
  heldMs: z.number(),
  peakBytes: z.number(),
  cpuMs: z.number(),
});
export type CoordinatorReport = z.infer<typeof reportSchema>;

const preload = fileURLToPath(new URL("./account/process-report.mjs", import.meta.url));

export class MeasuredCoordinator {
  readonly service: Service;
  readonly #reportFile: string;

  /** Its log and its report are in the folder. */
  constructor(product: Product, server: string, folder: string, { isLoopWatched = true } = {}) {
    this.#reportFile = join(folder, "coordinator.json");
    this.service = new Service(
      [...product.nodeArguments, "--import", preload, product.coordinator, "coordinator"],
      {
        MILLRACE_SERVER: server,
        MILLRACE_PROCESS_REPORT: this.#reportFile,
        ...(isLoopWatched ? {} : { MILLRACE_LOOP_UNWATCHED: "1" }),
      },
      join(folder, "coordinator.log"),
    );
  }

  /** For how long its event loop was held while it started does not count. */
  forgetStart(): void {
    process.kill(this.service.pid, "SIGUSR2");
  }

  async end(): Promise<CoordinatorReport> {
    await this.service.end();
    return reportSchema.parse(JSON.parse(await readFile(this.#reportFile, "utf8")));
  }
}
