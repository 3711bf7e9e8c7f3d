/** Judges what runs on the hosts: only leases of the journal, each once, with the right inputs and within the slots. */
import type { JobInput, JobRequest } from "../../../shared/model/messages.ts";
import type { AttemptTruth, SimulatedHost } from "../simulated-host.ts";
import { acceptedDigest, type Complain, inputJobs, type JobModel } from "./job-model.ts";
import type { JournalJudge } from "./journal-judge.ts";

export class HostJudge {
  readonly #journal: JournalJudge;
  readonly #complain: Complain;
  readonly #started = new Set<string>();

  constructor(journal: JournalJudge, complain: Complain) {
    this.#journal = journal;
    this.#complain = complain;
  }

  onStarted(host: SimulatedHost, { key, request, inputs }: AttemptTruth): void {
    const what = `${key} (${request.spec.name})`;
    if (this.#started.has(key)) this.#complain("startedOnce", `${what} starts twice`);
    this.#started.add(key);
    this.#judgeRoom(host);
    const known = this.#journal.leases.get(request.lease);
    if (known === undefined) return this.#complain("leaseInForce", `${what} starts without a stored lease`);
    if (known.job.leases[request.attempt - 1]?.wasGivenBack) {
      this.#complain("leaseInForce", `${what} starts after it was given back`);
    }
    this.#judgeInputs(known.job, request, inputs, what);
  }

  #judgeRoom(host: SimulatedHost): void {
    const { running, capacity, name } = host;
    const sum = (amount: (truth: AttemptTruth) => number | undefined): number =>
      running.reduce((total, truth) => total + (amount(truth) ?? 0), 0);
    const cpu = sum(({ request }) => request.spec.resources.cpu);
    const memoryBytes = sum(({ request }) => request.spec.resources.memoryBytes);
    if (running.length > capacity.slots) this.#complain("slots", `${running.length} jobs run on ${name}`);
    if (cpu > capacity.cpu) this.#complain("slots", `jobs with ${cpu} CPUs run on ${name}`);
    if (memoryBytes > capacity.memoryBytes)
      this.#complain("slots", `jobs with ${memoryBytes} bytes run on ${name}`);
  }

  /**
   * Exactly the accepted artifacts of what it needs. What its needs have needed may still run where one of them ended
   * early; then it is there or not.
   */
  #judgeInputs(job: JobModel, request: JobRequest, inputs: readonly JobInput[], what: string): void {
    const got = new Map(inputs.map((input) => [input.job, input.digest]));
    const assignedMs = job.leases[request.attempt - 1]?.assignedMs ?? 0;
    for (const need of inputJobs(job)) {
      const { name } = need.spec;
      const accepted = acceptedDigest(need);
      const endedMs = need.reusedMs ?? need.leases.at(-1)?.endedMs ?? 0;
      const mayLack = !job.needs.includes(need) && endedMs >= assignedMs;
      if (got.get(name) !== accepted && !(mayLack && !got.has(name))) {
        this.#complain("rightInputs", `${what} gets ${got.get(name)} of ${name} instead of ${accepted}`);
      }
      got.delete(name);
    }
    for (const name of got.keys())
      this.#complain("rightInputs", `${what} gets ${name}, which it does not need`);
  }
}
