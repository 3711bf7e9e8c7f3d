import type { Behaviour, Context, Logger } from "../../shared/actor/contract.ts";
import type { DeadLetter } from "../../shared/actor/dead-letters.ts";
import { type Faults, MemoryNetwork, type MemoryTransport } from "../../shared/actor/memory-network.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { seededRandomness } from "../../shared/actor/randomness.ts";
import { type ActorSystem, type ActorSystemOptions, createActorSystem } from "../../shared/actor/system.ts";
import { VirtualClock } from "../../shared/actor/virtual-clock.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

export interface Node {
  readonly system: ActorSystem;
  readonly transport: MemoryTransport;
  readonly deadLetters: DeadLetter[];
}

/** A simulated cluster: virtual time, seeded chance, a network in memory. */
export class ActorWorld {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly log: LogLine[] = [];
  private readonly seed: number;
  private started = 0;

  constructor(seed = 1, faults: Faults = {}) {
    this.seed = seed;
    this.network = new MemoryNetwork(this.clock, seededRandomness(seed), faults);
  }

  /** Starts a node; a second one of the same name is its next incarnation. */
  node(name: string, options: ActorSystemOptions = { serialiseLocal: true }): Node {
    const transport = this.network.connect(name);
    const system = createActorSystem({
      node: name,
      transport,
      clock: this.clock,
      randomness: seededRandomness(this.seed + ++this.started * 1000),
      codec: new MessageCodec(),
      log: this.logger(),
      subjectRoot: "test.actor",
      deadLetterSubject: "test.dead",
      options,
    });
    const deadLetters: DeadLetter[] = [];
    system.onDeadLetter((letter) => deadLetters.push(letter));
    return { system, transport, deadLetters };
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  protected logger(): Logger {
    const at =
      (level: LogLine["level"]) =>
      (fields: object, message: string): void => {
        this.log.push({ level, fields, message });
      };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}

/** A behaviour that runs a function for each message. */
export function onMessage<M>(
  receive: (message: M, context: Context<M>) => void | Promise<void>,
): () => Behaviour<M> {
  return () => ({ receive });
}

/** A behaviour that writes down what it is told, and what happens to it. */
export function recorder<M>(seen: unknown[]): () => Behaviour<M> {
  return () => ({
    receive: (message) => {
      seen.push(message);
    },
  });
}

/** A promise that the test ends. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
  fail(error: Error): void;
}

export function gate(): Gate {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { opened, open, fail };
}
