import { MillraceError } from "../model/error.ts";

/** The workspace does not hold what the outputs ask for; `reason` is that of the job's failure. */
export class OutputError extends MillraceError {
  readonly reason: "missingOutput" | "badOutput";

  constructor(reason: "missingOutput" | "badOutput", message: string, cause?: unknown) {
    super(reason === "missingOutput" ? "notFound" : "refused", message, { cause });
    this.name = "OutputError";
    this.reason = reason;
  }
}
