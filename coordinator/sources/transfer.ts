/** One address, one source: the request, the rest of a file that is half there, and the check of the whole. */
import type { IncomingMessage } from "node:http";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { request } from "./http-request.ts";
import type { PartialFile } from "./partial-file.ts";
import type { ProxyFor } from "./proxy.ts";
import { contentWarning, judgeAnswer, validatorOf } from "./response-verdict.ts";
import type { CachedSource } from "./source-cache.ts";
import { checkSource } from "./source-state.ts";

export interface TransferSettings {
  readonly stallMs: number;
  readonly proxyFor: ProxyFor;
  readonly signal: AbortSignal;
  readonly onProgress: (cached: CachedSource, bytes: number, total: number | undefined) => void;
}

export type Fetched =
  /** The whole is there, and its hash is right. */
  | { readonly kind: "right"; readonly from: string; readonly warning: string | undefined }
  /** It may go on later. */
  | { readonly kind: "later"; readonly reason: string; readonly afterMs?: number | undefined }
  /** Not from this address. */
  | { readonly kind: "never"; readonly reason: string };

/** Throws what the disk says, or the reason of the signal; what the network says is the result. */
export async function fetchFrom(
  address: string,
  cached: CachedSource,
  partial: PartialFile,
  settings: TransferSettings,
): Promise<Fetched> {
  try {
    return await new Transfer(address, cached, partial, settings).run();
  } catch (error) {
    settings.signal.throwIfAborted();
    if (!(error instanceof MillraceError)) throw error;
    return { kind: error.code === "refused" ? "never" : "later", reason: error.message };
  }
}

class Transfer {
  readonly #address: string;
  readonly #cached: CachedSource;
  readonly #partial: PartialFile;
  readonly #settings: TransferSettings;

  constructor(address: string, cached: CachedSource, partial: PartialFile, settings: TransferSettings) {
    this.#address = address;
    this.#cached = cached;
    this.#partial = partial;
    this.#settings = settings;
  }

  /** At most twice: what was half there, and then turns out to be wrong, is fetched from its start. */
  async run(): Promise<Fetched> {
    for (;;) {
      const offset = this.#partial.size;
      await this.#partial.touch(new Date());
      const response = await request(this.#address, {
        headers: offset > 0 ? { range: `bytes=${offset}-`, ...this.#sameFile() } : {},
        ...this.#settings,
      });
      const { statusCode: status = 0, headers } = response;
      const verdict = judgeAnswer({ status, headers, offset });
      if (verdict.kind !== "take") response.destroy();
      if (verdict.kind === "later" || verdict.kind === "never") return verdict;
      if (verdict.kind === "take") {
        if (verdict.at !== offset) await this.#partial.truncate();
        this.#partial.origin = { address: this.#address, validator: validatorOf(headers) };
        await this.#receive(response, verdict.total);
        const checked = await this.#check(verdict.total, contentWarning(headers));
        if (checked.kind === "right" || verdict.at === 0) return checked;
      }
      await this.#partial.truncate();
    }
  }

  /** The server is asked to send all of it when it has another file there by now. */
  #sameFile(): Record<string, string> {
    const { origin } = this.#partial;
    if (origin?.address !== this.#address || origin.validator === undefined) return {};
    return { "if-range": origin.validator };
  }

  async #receive(response: IncomingMessage, total: number | undefined): Promise<void> {
    for await (const piece of bodyOf(response)) {
      await this.#partial.append(piece);
      this.#settings.onProgress(this.#cached, this.#partial.size, total);
    }
    if (total !== undefined && this.#partial.size < total) {
      throw new MillraceError("unavailable", `it ended after ${this.#partial.size} of ${total} bytes`);
    }
  }

  async #check(total: number | undefined, warning: string | undefined): Promise<Fetched> {
    const { source } = this.#cached;
    const state = await checkSource({ path: this.#partial.path, source }, this.#settings.signal);
    if (state.kind === "right") return { kind: "right", from: this.#address, warning };
    await this.#partial.truncate();
    const actual = state.kind === "wrong" ? state.actual : "none";
    const reason = `its ${source.hash.type} is ${actual}, not ${source.hash.hash}`;
    // Without a length it may just have been cut.
    return {
      kind: total === undefined ? "later" : "never",
      reason: warning === undefined ? reason : `${reason}; ${warning}`,
    };
  }
}

/** The body; what the network says about it is a MillraceError, to be told from what the disk says. */
async function* bodyOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response) yield piece as Buffer;
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new MillraceError("unavailable", reason === "aborted" ? "the connection broke" : reason, { cause });
  }
}
