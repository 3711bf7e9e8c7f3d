import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { waitUntil } from "../../support/wait-until.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server of files that answers each path as it is told, and remembers what it was asked. */
export class SourceServer {
  readonly requests: { readonly path: string; readonly range: string | undefined }[] = [];
  readonly #server: Server;
  readonly #answers = new Map<string, Answer[]>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<SourceServer> {
    const server = createServer();
    const sources = new SourceServer(server);
    server.on("request", (request, response) => sources.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return sources;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** The answers to requests of a path, one after the other; the last one stays. */
  on(path: string, ...answers: Answer[]): this {
    this.#answers.set(path, answers);
    return this;
  }

  /** Waits until a path has been asked for. */
  async asked(path: string): Promise<void> {
    await waitUntil(`${path} is asked for`, () => this.requests.some((request) => request.path === path));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    this.requests.push({ path, range: request.headers.range });
    const answers = this.#answers.get(path) ?? [status(404)];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(request, response);
  }
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_, response) => void response.writeHead(code, headers).end();
}

export function redirect(to: string): Answer {
  return status(302, { location: to });
}

/** A server as it should be: it knows ranges, and honours If-Range. */
export function file(bytes: Buffer, tag = '"1"', headers: Record<string, string> = {}): Answer {
  return (request, response) => {
    const from = rangeStart(request, tag);
    const described = { etag: tag, "content-type": "application/gzip", ...headers };
    if (from === undefined) {
      response.writeHead(200, { ...described, "content-length": bytes.length }).end(bytes);
      return;
    }
    if (from >= bytes.length) {
      response.writeHead(416).end();
      return;
    }
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    const rest = bytes.subarray(from);
    response
      .writeHead(206, { ...described, "content-range": range, "content-length": rest.length })
      .end(rest);
  };
}

/** Sends so many bytes of what was asked for, then breaks the connection. */
export function cutAfter(count: number, bytes: Buffer, tag = '"1"'): Answer {
  return (request, response) => {
    const from = rangeStart(request, tag) ?? 0;
    const rest = bytes.subarray(from);
    const headers = { etag: tag, "content-length": rest.length };
    if (from === 0) response.writeHead(200, headers);
    else
      response.writeHead(206, {
        ...headers,
        "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      });
    response.write(rest.subarray(0, count), () => setImmediate(() => response.destroy()));
  };
}

/** Sends some bytes and then nothing more. */
export function stall(bytes: Buffer): Answer {
  return (_, response) => {
    response.writeHead(200, { "content-length": bytes.length + 1 });
    response.write(bytes);
  };
}

function rangeStart({ headers }: IncomingMessage, tag: string): number | undefined {
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== tag) return undefined;
  const match = /^bytes=(\d+)-$/.exec(headers.range ?? "");
  return match === null ? undefined : Number(match[1]);
}
