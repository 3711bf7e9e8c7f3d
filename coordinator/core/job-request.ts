/** The job request an agent gets: all it needs to run one attempt, made from the run's state. */
import { inputsOf } from "../../shared/model/graph.ts";
import type { JobSpec } from "../../shared/model/job-spec.ts";
import type { AttemptRef, JobInput, JobRequest } from "../../shared/model/messages.ts";
import { type Attempt, jobAt, type RunState, specAt } from "./run-state.ts";

export function jobRequest(state: RunState, index: number, attempt: Attempt): JobRequest {
  const spec = specAt(state, index);
  return {
    ...attemptRef(state, index, attempt),
    spec: {
      name: spec.name,
      run: spec.run,
      image: spec.image,
      network: spec.network,
      outputs: spec.outputs,
      resources: spec.resources,
      timeouts: spec.timeouts,
      sources: spec.sources,
      ...unusual(spec),
    },
    env: state.vars.length === 0 ? spec.env : [...new Map([...state.vars, ...spec.env])],
    inputs: jobInputs(state, index),
  };
}

/** Left out where it says nothing: an agent of version 0.1 would refuse to read it. */
function unusual({ layout, files, marks }: JobSpec): Pick<JobRequest["spec"], "layout" | "files" | "marks"> {
  return {
    ...(layout === "workspace" ? {} : { layout }),
    ...(files.length === 0 ? {} : { files }),
    ...(marks === undefined ? {} : { marks }),
  };
}

export function attemptRef(state: RunState, job: number, attempt: Attempt): AttemptRef {
  return { run: state.run, job, attempt: attempt.attempt, lease: attempt.lease };
}

/** The accepted artifacts of what the job needs; a need without outputs has none. */
function jobInputs(state: RunState, index: number): JobInput[] {
  const inputs: JobInput[] = [];
  for (const need of inputsOf(state.graph, index)) {
    const { artifact } = jobAt(state, need);
    if (artifact !== null) inputs.push({ job: specAt(state, need).name, digest: artifact.digest });
  }
  return inputs;
}
