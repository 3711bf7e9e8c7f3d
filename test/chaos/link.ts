/** The network between one client and the servers: a proxy for each, all struck together. */
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import type { ServerGroup } from "./server-group.ts";

export class Link {
  readonly #proxies: readonly TcpProxy[];

  private constructor(proxies: readonly TcpProxy[]) {
    this.#proxies = proxies;
  }

  static async open(servers: ServerGroup): Promise<Link> {
    return new Link(await Promise.all([...servers.values()].map(({ port }) => startTcpProxy(port))));
  }

  /** The servers as this client reaches them. */
  get url(): string {
    return this.#proxies.map(({ port }) => `nats://127.0.0.1:${port}`).join(",");
  }

  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  /** Carries nothing any more, without a word to either side. */
  silence(): void {
    for (const proxy of this.#proxies) proxy.hold();
  }

  /** Loses what was under way when it fell silent, and carries again. */
  restore(): void {
    for (const proxy of this.#proxies) {
      proxy.cut();
      proxy.release();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}
