export type ActorErrorCode =
  | "badName"
  | "nameTaken"
  | "stopped"
  | "notAChild"
  | "overflow"
  | "restartsExceeded"
  | "notEncodable"
  | "notDecodable";

/** A misuse or a failure of the actor runtime itself. */
export class ActorError extends Error {
  readonly code: ActorErrorCode;

  constructor(code: ActorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ActorError";
    this.code = code;
  }
}

export type AskErrorCode = "timeout" | "terminated" | "mailboxFull" | "nodeLost";

/** Why an ask got no reply. */
export class AskError extends Error {
  readonly code: AskErrorCode;

  constructor(code: AskErrorCode, message: string) {
    super(message);
    this.name = "AskError";
    this.code = code;
  }
}
