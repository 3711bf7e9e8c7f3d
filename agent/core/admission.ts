/** Whether an agent takes a job request. It is the authority on its own slots: it may refuse what was granted. */
import type { AgentMode, Capacity, JobRequest } from "../../shared/model/messages.ts";
import { routineReturn } from "../../shared/model/return-reason.ts";
import { formatBytes } from "../../shared/model/size.ts";

export interface AdmissionFacts {
  readonly mode: AgentMode;
  /** Why it can start nothing at present. */
  readonly trouble: string | undefined;
  readonly capacity: Capacity;
  /** The container engine it found, or null. */
  readonly engine: string | null;
  /** The same execution is held under another lease. */
  readonly heldUnderOtherLease: boolean;
}

/** Says why the request is refused, or nothing when it is accepted. */
export function admissionProblem(request: JobRequest, facts: AdmissionFacts): string | undefined {
  if (facts.mode === "draining") return routineReturn.draining;
  if (facts.mode === "held") return routineReturn.held;
  if (facts.trouble !== undefined) return facts.trouble;
  if (facts.heldUnderOtherLease) return "the same attempt is held here under another lease";
  if (facts.capacity.slots === 0) return "the agent has no slots";
  if (request.spec.image !== undefined && facts.engine === null) {
    return `it needs the image ${request.spec.image} and the agent has no container engine`;
  }
  const { cpu = 0, memoryBytes = 0 } = request.spec.resources;
  if (cpu > facts.capacity.cpu) return `it needs ${cpu} CPUs of ${facts.capacity.cpu}`;
  if (memoryBytes > facts.capacity.memoryBytes) {
    return `it needs ${formatBytes(memoryBytes)} of memory of ${formatBytes(facts.capacity.memoryBytes)}`;
  }
  return undefined;
}
