/** Carries out faults on a stage and notes what it did. */
import { setTimeout as sleep } from "node:timers/promises";
import { describeFault, type Fault, type NetworkFault, type ProcessFault, type Strike } from "./fault.ts";
import type { Service } from "./service.ts";
import type { Stage } from "./stage.ts";

export class FaultPlayer {
  readonly #stage: Stage;
  readonly #busy = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** How often each kind of fault has struck each target, as `kill c1`. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** How often anything has struck. */
  get strikes(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Plays a schedule to its end, or until a target does not come up again; resolves when every target is up. */
  async play(strikes: readonly Strike[]): Promise<void> {
    const startedMs = performance.now();
    const playing: Promise<void>[] = [];
    const failures: unknown[] = [];
    for (const { atMs, fault } of strikes) {
      await sleep(Math.max(0, startedMs + atMs - performance.now()));
      if (failures.length > 0) break;
      playing.push(this.strike(fault).catch((error: unknown) => void failures.push(error)));
    }
    await Promise.all(playing);
    if (failures.length > 0) throw failures[0];
  }

  /** Strikes once; resolves when the target is up again. */
  async strike(fault: Fault): Promise<void> {
    const { target, kind } = fault;
    const { timeline } = this.#stage;
    if (this.#busy.has(target)) {
      timeline.note(`(left out, as ${target} is not over the last one: ${describeFault(fault)})`);
      return;
    }
    this.#busy.add(target);
    const counted = `${kind} ${target}`;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    timeline.note(describeFault(fault));
    const fromMs = Date.now();
    await this.#carryOut(fault);
    timeline.outages.push({ target, kind, fromMs, toMs: Date.now() });
    if (kind !== "cut") timeline.note(`${target} is back`);
    this.#busy.delete(target);
  }

  async #carryOut(fault: Fault): Promise<void> {
    if (fault.kind === "cut" || fault.kind === "silence") return this.#strikeNetwork(fault);
    const service = this.#stage.services.get(fault.target);
    return service === undefined ? this.#strikeServer(fault) : this.#strikeService(service, fault);
  }

  async #strikeNetwork(fault: NetworkFault): Promise<void> {
    const link = this.#stage.links.get(fault.target);
    if (fault.kind === "cut") return link?.cut();
    link?.silence();
    await sleep(fault.forMs);
    link?.restore();
  }

  async #strikeService(service: Service, fault: ProcessFault): Promise<void> {
    switch (fault.kind) {
      case "pause":
        service.pause();
        await sleep(fault.forMs);
        return service.resume();
      case "kill":
        await service.kill();
        await sleep(fault.downMs);
        return service.comeUp();
      case "stop":
        if ((await service.stop()) === "killed") this.#stage.timeline.note(`${service.name} did not stop`);
        await sleep(fault.downMs);
        return service.comeUp();
    }
  }

  async #strikeServer(fault: ProcessFault): Promise<void> {
    const server = this.#stage.servers.get(fault.target);
    if (server === undefined) throw new Error(`nothing here is called ${fault.target}`);
    switch (fault.kind) {
      case "pause":
        process.kill(server.pid(), "SIGSTOP");
        await sleep(fault.forMs);
        process.kill(server.pid(), "SIGCONT");
        return;
      case "kill":
        await server.kill();
        await sleep(fault.downMs);
        return server.restart();
      case "stop":
        process.kill(server.pid(), "SIGTERM");
        await sleep(fault.downMs);
        return server.restart();
    }
  }
}
