/** The plans that are being made or asked for: questions of one id go to one of them. */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import type { ApiCommand } from "../../shared/model/api.ts";
import type { ReuseStores } from "../journal/reuse-stores.ts";
import type { CoordinatorMessage, Reply } from "./messages.ts";
import { PlanActor, type PlanMessage } from "./plan.ts";
import type { CommonSurroundings } from "./run-registry.ts";

/** Each is an actor of its own, which goes when nobody has asked for a while. */
export class Plans {
  readonly #byId = new Map<string, ActorRef<PlanMessage>>();

  ask(
    request: ApiCommand<"plan">,
    replyTo: ActorRef<Reply>,
    surroundings: CommonSurroundings & { readonly reuseStores: ReuseStores },
    context: Context<CoordinatorMessage>,
  ): void {
    const { plan } = request;
    const known = plan === undefined ? undefined : this.#byId.get(plan);
    if (known !== undefined) return known.tell({ kind: "asked", request, replyTo });
    const name = `plan-${context.id()}`;
    const onStopped = (): void => {
      if (plan !== undefined) this.#byId.delete(plan);
    };
    const options = { ...surroundings, request, onStopped };
    const supervision = { decide: () => "stop" as const };
    const ref = context.spawn<PlanMessage>(name, () => new PlanActor(options), { supervision });
    if (plan !== undefined) this.#byId.set(plan, ref);
    ref.tell({ kind: "asked", request, replyTo });
  }
}
