/** The agent that a command is about. */
import { nearestName } from "../../shared/model/nearest-name.ts";
import { type AgentRecord, type Fleet, isPresent } from "../core/fleet.ts";
import type { Refusal } from "./messages.ts";

/** An agent that can be told something, or why there is none of this name. */
export function findAgent({ agents }: Fleet, name: string): AgentRecord | Refusal {
  const agent = agents.get(name);
  if (agent === undefined) {
    const nearest = nearestName(name, [...agents.keys()]);
    const message = `there is no agent ${JSON.stringify(name)}`;
    const fix =
      nearest === undefined ? "See `millrace agents` for those there are." : `Did you mean ${nearest}?`;
    return { ok: false, code: "notFound", message, fix };
  }
  if (isPresent(agent)) return agent;
  const message = `the agent ${JSON.stringify(name)} is ${agent.state}, and can't be told anything`;
  return { ok: false, code: "unavailable", message, fix: "Wait until it is back." };
}
