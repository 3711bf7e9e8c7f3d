/** Whether the server can be reached now: the connection's status events as a state that can be asked and awaited. */
import { Events, type NatsConnection } from "nats";

export type LinkState = "up" | "down" | "closed";

/** One per connection, shared by all that wait for the same server. */
export class Link {
  static readonly #links = new WeakMap<NatsConnection, Link>();

  /** The link of a connection. Made while it is connected, as a connection is when the client hands it out. */
  static of(connection: NatsConnection): Link {
    const known = Link.#links.get(connection);
    if (known !== undefined) return known;
    const link = new Link(connection);
    Link.#links.set(connection, link);
    return link;
  }

  #state: LinkState;
  readonly #listeners = new Set<(state: LinkState) => void>();

  private constructor(connection: NatsConnection) {
    this.#state = connection.isClosed() ? "closed" : "up";
    void this.#follow(connection);
    // The events do not end when it is closed while the server is away.
    void connection.closed().then(() => this.#become("closed"));
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Calls back at each change, and each reconnect, until the returned function is called. */
  onChange(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the link is no longer down, or after `limitMs` at the latest. */
  settled(limitMs: number): Promise<LinkState> {
    if (this.#state !== "down") return Promise.resolve(this.#state);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        cancel();
        resolve(this.#state);
      };
      const timer = setTimeout(done, limitMs);
      const cancel = this.onChange(done);
    });
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === Events.Disconnect) this.#become("down");
      else if (type === Events.Reconnect) this.#become("up");
    }
    this.#become("closed");
  }

  /** Told also when the state is the same: after a reconnect everything that was on its way is lost. */
  #become(state: LinkState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }
}
