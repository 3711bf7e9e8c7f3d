/** Job requests for tests. */
import type { JobRequest } from "../../../shared/model/messages.ts";

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
    lease: `lease${leases}`,
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
