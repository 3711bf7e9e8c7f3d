import { createHash } from "node:crypto";
import type { Documents } from "../../coordinator/journal/documents.ts";

/** Documents in memory: what is read has gone through JSON. */
export class MemoryDocuments implements Documents {
  readonly #stored = new Map<string, string>();

  store(value: unknown): Promise<string> {
    const json = JSON.stringify(value);
    const digest = createHash("sha256").update(json).digest("hex");
    this.#stored.set(digest, json);
    return Promise.resolve(digest);
  }

  read(digest: string): Promise<unknown> {
    const json = this.#stored.get(digest);
    return json === undefined
      ? Promise.reject(new Error(`no document ${digest} is stored`))
      : Promise.resolve(JSON.parse(json));
  }
}
