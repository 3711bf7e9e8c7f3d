/**
 * Where the jobs of one run would run. Hosts tell what they are in their hello; for an image the agents that could run it are
 * asked, once for each run.
 */
import type { Context } from "../../shared/actor/contract.ts";
import { ability } from "../../shared/model/messages.ts";
import { type ExpectedPlace, placeInImage, placeOnHosts } from "../core/expected-place.ts";
import { misfit, type Offer, requirementOf } from "../core/requirement.ts";
import { type RunState, specAt } from "../core/run-state.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

interface ImageQuestion {
  readonly sinceMs: number;
  readonly asked: Set<string>;
  readonly found: Map<string, string | null>;
}

/** An engine that is busy may take a while to look. */
const IMAGE_LIMIT_MS = 5_000;
/** Agents may be on their way for so long. */
const AGENT_LIMIT_MS = 10_000;

export class RunPlaces {
  readonly #state: RunState;
  readonly #surroundings: Pick<RunSurroundings, "schedule" | "fleet">;
  readonly #context: Pick<Context<never>, "monotonicMs" | "id">;
  readonly #images = new Map<string, ImageQuestion>();

  constructor(
    state: RunState,
    surroundings: Pick<RunSurroundings, "schedule" | "fleet">,
    context: Pick<Context<never>, "monotonicMs" | "id">,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#context = context;
  }

  /** Of a job that has been waiting to know it since then, by the monotonic clock. */
  placeOf(index: number, sinceMs: number): ExpectedPlace {
    const spec = specAt(this.#state, index);
    const { pool, failUnschedulable } = this.#state.options;
    const requirement = requirementOf(spec, pool);
    const ofPool = this.#surroundings.schedule.current.offers().filter((offer) => offer.pool === pool);
    const fitting = ofPool.filter((offer) => misfit(requirement, offer) === undefined);
    const place = spec.image === undefined ? placeOnHosts(fitting) : this.#placeIn(spec.image, fitting);
    if (place.kind !== "open" || fitting.length > 0) return place;
    // A run that has brought its agents with it expects no others.
    const isHopeless = failUnschedulable && ofPool.length > 0;
    if (!isHopeless && this.#context.monotonicMs() - sinceMs < AGENT_LIMIT_MS) return place;
    return { kind: "unknown", reason: "no agent is there that could run it" };
  }

  onImageFound(agent: string, image: string, digest: string | null): void {
    this.#images.get(image)?.found.set(agent, digest);
  }

  #placeIn(image: string, fitting: readonly Offer[]): ExpectedPlace {
    const now = this.#context.monotonicMs();
    const question = this.#images.get(image) ?? { sinceMs: now, asked: new Set(), found: new Map() };
    this.#images.set(image, question);
    for (const { name, abilities } of fitting) {
      if (question.asked.has(name) || !abilities.includes(ability.hostQuestions)) continue;
      question.asked.add(name);
      // As identifiers of questions are written.
      const id = this.#context.id().toLowerCase();
      const orders = [
        { kind: "ask" as const, id, question: { kind: "findImages" as const, images: [image] } },
      ];
      this.#surroundings.fleet.tell({ kind: "orders", agent: name, orders });
    }
    return placeInImage(image, fitting, question.found, now - question.sinceMs >= IMAGE_LIMIT_MS);
  }
}
