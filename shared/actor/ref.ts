import type { Cell } from "./cell.ts";
import type { ActorRef } from "./contract.ts";

/** What every ref is; the codec knows refs by this class. */
export abstract class Ref<M> implements ActorRef<M> {
  abstract get node(): string;
  abstract get path(): string;
  abstract tell(message: M): void;

  toString(): string {
    return `${this.node}:${this.path}`;
  }

  toJSON(): { node: string; path: string } {
    return { node: this.node, path: this.path };
  }
}

/** Names one living actor of this node; after its end it names nobody, even if the path is used again. */
export class LocalRef<M> extends Ref<M> {
  readonly cell: Cell;

  constructor(cell: Cell) {
    super();
    this.cell = cell;
  }

  get node(): string {
    return this.cell.host.node;
  }

  get path(): string {
    return this.cell.path;
  }

  tell(message: M): void {
    const { host } = this.cell;
    this.cell.tell(host.serialiseLocal ? host.copy(message) : message);
  }
}

/** Carries a message to whoever lives at an address. */
export interface Postman {
  send(node: string, path: string, message: unknown): void;
}

/** Names whoever lives at a path, here or on another node, at the time of each message. */
export class AddressRef<M> extends Ref<M> {
  readonly node: string;
  readonly path: string;
  private readonly postman: Postman;

  constructor(postman: Postman, node: string, path: string) {
    super();
    this.postman = postman;
    this.node = node;
    this.path = path;
  }

  tell(message: M): void {
    this.postman.send(this.node, this.path, message);
  }
}
