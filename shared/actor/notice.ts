/**
 * A message that the runtime owes an actor: a timer, a Terminated, the end of a promise. An actor asked for each of
 * them, so their number is bounded by what it did itself, and they pass a full mailbox. What was cancelled while it
 * waited in the mailbox is not delivered.
 */
export abstract class Notice {
  /** False once cancelled, also by the stop or restart of the actor. */
  isLive = true;

  /** Called when its turn has come; gives the message. */
  abstract redeem(): unknown;

  /** Called when the actor stops or restarts, and by whoever cancels it. */
  abstract release(): void;
}
