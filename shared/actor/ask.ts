/**
 * Questions that wait for their answer. Each has an address of its own, `/$ask/<incarnation>-<number>`, which goes
 * with the message as its `replyTo`.
 *
 * 1. A question ends once: by the first reply, its deadline, the end of the actor asked, or the loss of its node.
 * 2. What comes after is a dead letter. An address is not used again, also not after a restart of the node.
 */

import { AskError, type AskErrorCode } from "./actor-error.ts";
import type { ActorRef, Cancel, Clock, TerminationCause } from "./contract.ts";
import type { Watched, Watcher } from "./death-watch.ts";

const PREFIX = "/$ask/";

export function isReplyPath(path: string): boolean {
  return path.startsWith(PREFIX);
}

/** The open questions of one node. */
export class Questions {
  private readonly open = new Map<string, Question>();
  private readonly incarnation: string;
  private readonly clock: Clock;
  private opened = 0;

  constructor(incarnation: string, clock: Clock) {
    this.incarnation = incarnation;
    this.clock = clock;
  }

  ask(asked: ActorRef<never>, timeoutMs: number): Question {
    const path = `${PREFIX}${this.incarnation}-${++this.opened}`;
    const question = new Question(path, asked, () => this.open.delete(path));
    this.open.set(path, question);
    question.limit(this.clock, timeoutMs);
    return question;
  }

  /** False when the question is over. */
  reply(path: string, message: unknown): boolean {
    const question = this.open.get(path);
    question?.answer(message);
    return question !== undefined;
  }
}

export class Question implements Watcher {
  readonly path: string;
  readonly reply: Promise<unknown>;
  isOpen = true;
  private readonly asked: ActorRef<never>;
  private readonly forget: () => void;
  private watched: Watched | undefined;
  private cancelDeadline: Cancel | undefined;
  private resolve!: (reply: unknown) => void;
  private reject!: (error: unknown) => void;

  constructor(path: string, asked: ActorRef<never>, forget: () => void) {
    this.path = path;
    this.asked = asked;
    this.forget = forget;
    this.reply = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  limit(clock: Clock, timeoutMs: number): void {
    this.cancelDeadline = clock.schedule(timeoutMs, () =>
      this.refuse("timeout", `gave no reply within ${timeoutMs} ms`),
    );
  }

  /** Says where the question is registered as a watcher of the actor asked. */
  watches(watched: Watched | undefined): void {
    if (this.isOpen) this.watched = watched;
    else watched?.removeWatcher(this);
  }

  answer(reply: unknown): void {
    this.close();
    this.resolve(reply);
  }

  refuse(code: AskErrorCode, because: string): void {
    this.fail(new AskError(code, `${this.asked.node}:${this.asked.path} ${because}`));
  }

  fail(error: unknown): void {
    this.close();
    this.reject(error);
  }

  ended(cause: TerminationCause): void {
    if (cause === "nodeLost") this.refuse("nodeLost", "is on a node that was lost");
    else this.refuse("terminated", "has ended");
  }

  private close(): void {
    this.isOpen = false;
    this.cancelDeadline?.();
    this.watched?.removeWatcher(this);
    this.forget();
  }
}
