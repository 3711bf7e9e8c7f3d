import { ActorError } from "./actor-error.ts";
import { isPath, pathOf, subjectOf } from "./address.ts";
import { isReplyPath, type Questions } from "./ask.ts";
import type { Cell } from "./cell.ts";
import type { Cancel, Codec, Logger, Transport } from "./contract.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Counters } from "./host.ts";
import { decodeNodeMessage, NODE_PATH, type NodeMessage } from "./node-message.ts";
import type { Postman } from "./ref.ts";

export interface PostOfficeSettings {
  readonly node: string;
  readonly subjectRoot: string;
  readonly transport: Transport;
  readonly codec: Codec;
  readonly serialiseLocal: boolean;
  readonly takesRemote: boolean;
  readonly questions: Questions;
  readonly deadLetters: DeadLetters;
  readonly counters: Counters;
  readonly log: Logger;
  readonly find: (path: string) => Cell | undefined;
  readonly onNodeMessage: (message: NodeMessage) => void;
}

/**
 * Brings messages to addresses: to actors and open questions of this node, and over the transport to other nodes, whose
 * messages come in by one wildcard subscription. The payload on an actor's subject is the message, nothing else.
 */
export class PostOffice implements Postman {
  private readonly settings: PostOfficeSettings;
  private readonly prefixLength: number;
  private readonly cancel: Cancel;

  constructor(settings: PostOfficeSettings) {
    this.settings = settings;
    const prefix = subjectOf(settings.subjectRoot, settings.node, "");
    this.prefixLength = prefix.length;
    this.cancel = settings.transport.subscribe(`${prefix}.>`, this.receive);
  }

  send(node: string, path: string, message: unknown): void {
    const { settings } = this;
    if (node !== settings.node) {
      settings.counters.remoteSent++;
      this.sendBytes(node, path, settings.codec.encode(message));
    } else {
      this.deliver(
        path,
        settings.serialiseLocal ? settings.codec.decode(settings.codec.encode(message)) : message,
      );
    }
  }

  sendToNode(node: string, message: NodeMessage): void {
    try {
      this.sendBytes(node, NODE_PATH, this.settings.codec.encode(message));
    } catch (error) {
      // Called by timers, so there is nobody to throw to; the next list says it all again.
      this.settings.log.error({ node, error }, "a message between nodes could not be sent");
    }
  }

  close(): void {
    this.cancel();
  }

  private sendBytes(node: string, path: string, payload: Uint8Array): void {
    this.settings.transport.publish(subjectOf(this.settings.subjectRoot, node, path), payload);
  }

  private deliver(path: string, message: unknown): void {
    const { questions, deadLetters, find } = this.settings;
    if (isReplyPath(path)) {
      if (!questions.reply(path, message)) deadLetters.report("lateReply", path, message);
      return;
    }
    const cell = find(path);
    if (cell === undefined) deadLetters.report("noSuchActor", path, message);
    else cell.tell(message);
  }

  private readonly receive = (payload: Uint8Array, subject: string): void => {
    const { codec, counters, deadLetters, log, onNodeMessage } = this.settings;
    counters.remoteReceived++;
    const path = pathOf(subject, this.prefixLength);
    if (!this.settings.takesRemote) return deadLetters.report("remote", subject, payload);
    try {
      if (path === NODE_PATH) onNodeMessage(decodeNodeMessage(codec, payload));
      else if (isPath(path)) this.deliver(path, codec.decode(payload));
      else throw new ActorError("notDecodable", `${path} is no path of an actor`);
    } catch (error) {
      log.debug({ subject, error }, "message refused");
      deadLetters.report("undecodable", path, payload);
    }
  };
}
