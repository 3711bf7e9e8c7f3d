import { createServer, request as requestPlain, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A proxy that remembers what was asked of it: `GET http://…`, or `CONNECT host:port`. */
export class ProxyServer {
  readonly requests: string[] = [];
  readonly authorizations: (string | undefined)[] = [];
  readonly #server: Server;
  /** Tunnels among them, which the server forgets. */
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ProxyServer> {
    const server = createServer();
    const proxy = new ProxyServer(server);
    server.on("connection", (socket) => proxy.#sockets.add(socket));
    server.on("request", (request, response) => {
      proxy.requests.push(`${request.method} ${request.url}`);
      proxy.authorizations.push(request.headers["proxy-authorization"]);
      const { "proxy-authorization": _own, ...headers } = request.headers;
      const onwards = requestPlain(request.url ?? "", { headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onwards);
    });
    server.on("connect", (request, client) => {
      proxy.requests.push(`CONNECT ${request.url}`);
      const [host = "", port = ""] = (request.url ?? "").split(":");
      const onwards = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onwards.pipe(client).pipe(onwards);
      });
      onwards.on("error", () => client.destroy());
      client.on("error", () => onwards.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** Its address, with a user and a password. */
  get url(): string {
    return `http://me:p%40ss@127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
