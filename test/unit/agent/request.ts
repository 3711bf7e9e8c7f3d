/** Job requests for tests. */
import { randomUUID } from "node:crypto";
import type { JobRequest } from "../../../shared/model/messages.ts";

/** Agents find the processes of an attempt on the whole host: those of another test file must not be among them. */
const token = randomUUID();
let leases = 0;

/** A request for a job that runs `true`, but for what is given; each has a lease of its own. */
export function jobRequest(
  fields: Partial<Omit<JobRequest, "spec">> & { spec?: Partial<JobRequest["spec"]> } = {},
): JobRequest {
  leases += 1;
  const { spec, ...rest } = fields;
  return {
    run: "r1",
    job: leases,
    attempt: 1,
    lease: `${token}-${leases}`,
    env: [],
    inputs: [],
    ...rest,
    spec: {
      name: `job ${leases}`,
      run: { script: "true" },
      outputs: [],
      resources: {},
      timeouts: {},
      ...spec,
    },
  };
}
