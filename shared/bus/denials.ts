/** What the server denies a process: told once for each subject, with what to do. */
import type { Logger } from "../actor/contract.ts";
import { MillraceError } from "../model/error.ts";
import type { BusStatus } from "./connection.ts";

export type Denied = Extract<BusStatus, { kind: "denied" }>;

/** What is denied may have names of runs, jobs or agents in it. */
const MOST_TOLD = 100;

export interface DenialOptions {
  readonly log: Logger;
  /** Whose work it is that needs the subjects, as `an agent`. */
  readonly who: string;
  /** Whose permissions these are, as `the coordinators' user`. */
  readonly user: string;
}

export class Denials {
  readonly #options: DenialOptions;
  readonly #told = new Set<string>();

  constructor(options: DenialOptions) {
    this.#options = options;
  }

  tell({ operation, subject }: Denied): void {
    const denied = describe({ operation, subject });
    if (this.#told.has(denied) || this.#told.size >= MOST_TOLD) return;
    this.#told.add(denied);
    this.#options.log.error({ operation, subject, fix: this.#fix }, `permission denied: ${denied}`);
  }

  /** Why the process can't work, where it can't without the subject. */
  asError(denied: Denied): MillraceError {
    const message = `the server denies ${describe(denied)}, which ${this.#options.who} can't do without`;
    return new MillraceError("unavailable", message, { fix: this.#fix });
  }

  get #fix(): string {
    return `Allow it for ${this.#options.user} in nats-server's configuration.`;
  }
}

function describe({ operation, subject }: Pick<Denied, "operation" | "subject">): string {
  return `${operation === "subscription" ? "subscribing" : "publishing"} to ${subject}`;
}
