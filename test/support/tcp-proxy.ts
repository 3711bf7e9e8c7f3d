/** Stands between a client and its server, to lose what one would have told the other. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Drops the next bytes from the server, and with them the connection; the client may connect again. */
  loseNextAnswer(): void;
  /** Cuts all connections; the clients may connect again. */
  cut(): void;
  /** Carries nothing until `release`, without a word to either side, as a network does that has gone. */
  hold(): void;
  /** Carries what has been waiting, and goes on. */
  release(): void;
  /** Carries no more than this from the server on each connection. */
  slow(bytesPerSecond: number): void;
  close(): Promise<void>;
}

/** Starts a proxy on a port of its own before the given one. */
export async function startTcpProxy(serverPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isLosing = false;
  let isHolding = false;
  let msPerByte = 0;

  const server = createServer((client) => {
    const upstream = connect(serverPort, "127.0.0.1");
    const cutBoth = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", cutBoth);
      socket.on("close", () => {
        sockets.delete(socket);
        cutBoth();
      });
    }
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => {
      if (isLosing) {
        isLosing = false;
        cutBoth();
      } else {
        client.write(bytes);
        if (msPerByte > 0) {
          upstream.pause();
          setTimeout(() => upstream.resume(), bytes.length * msPerByte);
        }
      }
    });
    if (isHolding) for (const socket of [client, upstream]) socket.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    loseNextAnswer: () => {
      isLosing = true;
    },
    cut,
    hold: () => {
      isHolding = true;
      for (const socket of sockets) socket.pause();
    },
    release: () => {
      isHolding = false;
      for (const socket of sockets) socket.resume();
    },
    slow: (bytesPerSecond) => {
      msPerByte = 1_000 / bytesPerSecond;
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}
