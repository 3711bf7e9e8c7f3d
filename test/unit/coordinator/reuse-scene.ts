import type { Reply } from "../../../coordinator/actors/messages.ts";
import type { ApiRequest, Explanation, JobView } from "../../../shared/model/api.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { type Answer, CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import { jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";

export type Options = ApiRequest<"submit">["options"];

/** `top` needs `left` and `right`, which need `base`. */
export const diamond: Sketch = {
  base: { reuse: true, sources: "1".repeat(64) },
  left: { reuse: true, needs: ["base"] },
  right: { reuse: true, needs: ["base"] },
  top: { reuse: true, needs: ["left", "right"] },
};
/** The same with another source at its base. */
export const changed = { ...diamond, base: { reuse: true, sources: "2".repeat(64) } };

/** What a job makes: of its name alone, so that other inputs come out the same. */
export const byName = ({ spec }: JobRequest) => {
  const digest = Buffer.from(spec.name).toString("hex").padStart(64, "0");
  return { digest, files: 1, bytes: 1 };
};
/** What a job makes of its sources, too. */
export const bySources = (request: JobRequest) => {
  const { digest } = byName(request);
  return { digest: `${request.spec.sources?.[0] ?? "0"}${digest.slice(1)}`, files: 1, bytes: 1 };
};

/** A coordinator with one agent, whose jobs may be reused. */
export class ReuseScene {
  readonly world = new CoordinatorWorld();
  readonly agent: SimulatedAgent;

  constructor(outcome: (request: JobRequest) => Answer = () => succeeded) {
    this.agent = new SimulatedAgent(this.world, "one", outcome);
    this.agent.artifactOf = byName;
  }

  static async open(outcome?: (request: JobRequest) => Answer): Promise<ReuseScene> {
    const scene = new ReuseScene(outcome);
    await scene.world.startCoordinator();
    // Its hello has to be known: whoever knows no agent waits for one.
    await scene.world.clock.advance(5_000);
    return scene;
  }

  submit(run: string, sketch: Sketch, options: Options = {}): Promise<Reply> {
    return this.world.call("submit", { run, graph: { inline: { jobs: jobsOf(sketch) } }, options });
  }

  async finished(run: string): Promise<void> {
    await this.world.clock.runUntil(() => this.typesOf(run).includes("run.finished"));
  }

  async run(run: string, sketch: Sketch, options: Options = {}): Promise<void> {
    await this.submit(run, sketch, options);
    await this.finished(run);
  }

  executed(run: string): string[] {
    return this.agent.started.filter((request) => request.run === run).map(({ spec }) => spec.name);
  }

  startOf(run: string, job: string): JobRequest {
    const found = this.agent.started.find((request) => request.run === run && request.spec.name === job);
    if (found === undefined) throw new Error(`${job} of ${run} has not started`);
    return found;
  }

  typesOf(run: string): string[] {
    return this.world.events(run).map(({ type }) => type);
  }

  eventsOf<T extends RunEvent["type"]>(run: string, type: T): Extract<RunEvent, { type: T }>[] {
    return this.world
      .events(run)
      .filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
  }

  async explained(run: string, job: string): Promise<string[]> {
    const reply = await this.world.call("explain", { run, job });
    if (!reply.ok) throw new Error(reply.message);
    return (reply.result as Explanation).reasons.map(({ message }) => message);
  }

  async view(run: string, job: string): Promise<JobView> {
    const reply = await this.world.call("jobs", { run, job });
    if (!reply.ok) throw new Error(reply.message);
    const [view] = (reply.result as { jobs: JobView[] }).jobs;
    if (view === undefined) throw new Error(`there is no job ${job}`);
    return view;
  }
}
