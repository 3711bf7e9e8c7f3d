/** A codec that fails when it is told to, as code with a defect would: whatever actor uses it then is started again. */
import { MessageCodec } from "../../shared/actor/message-codec.ts";

/** What is encoded when it fails: records for the journal, or those with a new lease, or orders for an agent. */
export type Breaking = "records" | "assignments" | "orders";

/**
 * The actor that gives orders may be started again five times a minute; then its coordinator fails with it. That of a run
 * three times, and the one that ends the run then three times more; then the run is left to the next leader.
 */
const MOST: Readonly<Record<Breaking, number>> = { orders: 4, records: 4, assignments: 3 };

export class BrittleCodec extends MessageCodec {
  readonly #failures: Record<Breaking, number> = { records: 0, assignments: 0, orders: 0 };
  readonly #told: Record<Breaking, number> = { records: 0, assignments: 0, orders: 0 };

  failNext(what: Breaking, times: number): void {
    const more = Math.min(times, MOST[what] - this.#told[what]);
    this.#failures[what] += more;
    this.#told[what] += more;
  }

  /** It works as it should again. */
  mend(): void {
    this.#failures.records = 0;
    this.#failures.assignments = 0;
    this.#failures.orders = 0;
  }

  override encode(value: unknown): Uint8Array {
    const what = breakingOf(value).find((kind) => this.#failures[kind] > 0);
    if (what !== undefined) {
      this.#failures[what] -= 1;
      throw new Error("code with a defect");
    }
    return super.encode(value);
  }
}

/** A claim is spared: a run that can't be opened is set aside for a better version, and does not end. */
function breakingOf(value: unknown): readonly Breaking[] {
  if (typeof value !== "object" || value === null) return [];
  if (!Array.isArray(value)) return "orders" in value ? ["orders"] : [];
  const types = (value as { readonly type?: string }[]).map(({ type }) => type);
  if (types[0] === "claimed") return [];
  return types.includes("assigned") ? ["assignments", "records"] : ["records"];
}
