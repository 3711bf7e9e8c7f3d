import { ActorError } from "./actor-error.ts";
import type { Directive, Supervision } from "./contract.ts";
import type { Host } from "./host.ts";
import { type RestartHistory, superviseFailure } from "./supervision.ts";

/** What an actor is to do after a failure; an escalation carries the error that its parent is to fail with. */
type Sentence =
  | { readonly kind: "restart"; readonly delayMs: number }
  | { readonly kind: "stop" }
  | { readonly kind: "escalate"; readonly error: unknown };

/** Judges the failures of one actor by the supervision its parent gave it. */
export class Supervisor {
  private history: RestartHistory = [];

  judge(error: unknown, path: string, supervision: Supervision, host: Host): Sentence {
    const verdict = superviseFailure(
      supervision,
      directive(error, path, supervision, host),
      this.history,
      host.clock.monotonicMs(),
      host.randomness.fraction(),
    );
    host.counters.failures++;
    host.log.warn({ actor: path, error, verdict: verdict.kind }, "actor failed");
    if (verdict.kind === "stop") return verdict;
    if (verdict.kind === "restart") {
      this.history = verdict.history;
      return verdict;
    }
    if (verdict.because === "directive") return { kind: "escalate", error };
    const tooMany = new ActorError("restartsExceeded", `${path} failed too often`, { cause: error });
    return { kind: "escalate", error: tooMany };
  }
}

function directive(error: unknown, path: string, supervision: Supervision, host: Host): Directive {
  try {
    return supervision.decide?.(error) ?? "restart";
  } catch (thrown) {
    host.log.error({ actor: path, error: thrown }, "the decision on a failure failed itself");
    return "escalate";
  }
}
