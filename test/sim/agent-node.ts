/** An agent's process on a simulated host: the real agent actor, started and ended as the command does it. */
import { AgentActor, type AgentMessage } from "../../agent/actors/agent-actor.ts";
import type { StopMode } from "../../agent/core/stopping.ts";
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { Pairs } from "../../shared/model/job-spec.ts";
import { SimulatedTools } from "./host-tools.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import type { SimulatedNode, World } from "./world.ts";

const HEARTBEAT_MS = 2_000;

export class AgentNode {
  readonly host: SimulatedHost;
  readonly #world: World;
  /** The machine is gone for good. */
  isGone = false;
  #node: SimulatedNode | undefined;
  #actor: ActorRef<AgentMessage> | undefined;
  #isStopping = false;
  readonly #waiting: (() => void)[] = [];

  constructor(world: World, host: SimulatedHost) {
    this.#world = world;
    this.host = host;
  }

  get name(): string {
    return this.host.name;
  }

  /** Its process, while there is one. */
  get node(): SimulatedNode | undefined {
    return this.#node;
  }

  start(): void {
    if (this.#node !== undefined || this.isGone || this.#world.isAsleep) return;
    const node = this.#world.startNode(this.name);
    const { process, codec, system } = node;
    const { subjects } = this.#world;
    const tools = new SimulatedTools(this.host, process, this.#world, node.openObjects());
    const labels: Pairs = [["host", this.name]];
    this.#node = node;
    this.#isStopping = false;
    for (const done of this.#waiting.splice(0)) done();
    this.#actor = system.spawn<AgentMessage>(
      "agent",
      () =>
        new AgentActor({
          identity: {
            name: this.name,
            capacity: this.host.capacity,
            labels,
            pool: "",
            host: {
              ...{ hostname: this.name, platform: "linux", arch: "x64", pid: 1 },
              identity: tools.hostIdentity,
            },
            abilities: [],
            versions: { millrace: "0", node: "20", engine: null },
          },
          subjects,
          codec,
          tools,
          leftovers: tools.leftovers(),
          heartbeatMs: HEARTBEAT_MS,
          readLoad: () => ({ load1: 0, freeMemoryBytes: 0 }),
          onStopped: (mode) => this.#onStopped(mode),
        }),
      {
        mailbox: { capacity: 100_000 },
        supervision: { decide: () => "stop" },
        onFailure: (error) =>
          this.#world.report("actorFailed", this.name, `the agent failed: ${String(error)}`),
      },
    );
  }

  /** Calls back when it runs, and is not about to end. */
  whenUp(done: () => void): void {
    if (this.#node === undefined || this.#isStopping) this.#waiting.push(done);
    else done();
  }

  stop(mode: StopMode): void {
    this.#isStopping = true;
    const { process } = this.#node ?? {};
    process?.arrive(() => this.#actor?.tell({ kind: "stop", mode }));
  }

  /** As kill -9: its jobs go on. */
  crash(): void {
    this.#node?.end();
    this.#node = undefined;
  }

  /** The machine is restarted: the agent and all of its jobs are gone. */
  reboot(areControlFilesLost: boolean): void {
    this.crash();
    this.host.reboot(areControlFilesLost);
  }

  /** The machine burns, and nobody replaces it. */
  burn(): void {
    this.isGone = true;
    this.reboot(true);
  }

  #onStopped(mode: StopMode): void {
    // Once what it says at its end is on its way.
    this.#node?.process.schedule(1, () => {
      this.crash();
      if (mode !== "leave") for (const { key } of this.host.running) this.host.signal(key, "KILL");
      if (mode === "now") this.host.loseControlFiles();
      if (this.#world.isAtPeace) this.start();
    });
  }
}
