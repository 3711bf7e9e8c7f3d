import { describe, expect, it } from "vitest";
import type { StopMode } from "../../../agent/core/stopping.ts";
import { jobRequest } from "./request.ts";
import { command, settle, startedAgent } from "./started-agent.ts";

/** An agent that runs a job, another one waiting, and is told to stop. */
async function stopping(mode: StopMode, { obeys }: { readonly obeys: boolean }) {
  const requests = [jobRequest(), jobRequest()];
  const job = command({ obeys });
  let removed = (): void => undefined;
  const swept: string[] = [];
  const agent = await startedAgent({
    requests,
    tools: {
      launch: () => Promise.resolve(job.execution),
      graceMs: 30_000,
      sweep: (key) => Promise.resolve(void swept.push(key)),
      free: () =>
        new Promise((resolve) => {
          removed = resolve;
        }),
    },
  });
  const { world, heard } = agent;
  await world.clock.advance(100);
  heard.length = 0;
  agent.agent.tell({ kind: "stop", mode });
  await world.clock.advance(100);
  const said = (kind: string) => heard.filter((message) => message.kind === kind).length;
  return { ...agent, ...job, requests, said, swept, removed: () => removed() };
}

describe("an agent that is to stop", () => {
  it("waits for its jobs, then for their reports and the removal of their files, and says good-bye", async () => {
    const agent = await stopping("drain", { obeys: true });
    const { world, order, requests, stops, said, succeed, removed, signals, swept } = agent;
    await world.clock.advance(600_000);
    succeed();
    await world.clock.advance(1_000);
    order(...requests.map(settle));
    await world.clock.advance(1_000);
    expect({ stops, byes: said("bye"), signals }).toEqual({ stops: [], byes: 0, signals: [] });
    removed();
    await world.clock.advance(10_000);
    expect({ stops, byes: said("bye"), swept }).toEqual({ stops: ["drain"], byes: 1, swept: [] });
  });

  it("takes nothing meanwhile, whatever mode it is given", async () => {
    const { world, order, heard } = await stopping("drain", { obeys: true });
    const late = jobRequest();
    order({ kind: "mode", mode: "active" }, { kind: "start", request: late });
    heard.length = 0;
    await world.clock.advance(2_000);
    const items = heard.flatMap((message) => message.items ?? []);
    expect(items).toContainEqual(expect.objectContaining({ kind: "returned", lease: late.lease }));
    expect(heard).toContainEqual(expect.objectContaining({ kind: "heartbeat", mode: "draining" }));
  });

  it("at once ends its jobs, and waits neither for their grace nor long for their reports", async () => {
    const { world, stops, said, signals, heard, requests } = await stopping("now", { obeys: false });
    expect(signals).toEqual(["TERM"]);
    await world.clock.advance(1_000);
    expect(signals).toEqual(["TERM", "KILL"]);
    const items = heard.flatMap((message) => message.items ?? []);
    expect(items).toContainEqual(expect.objectContaining({ kind: "finished", lease: requests[0]?.lease }));
    expect(stops).toEqual([]);
    await world.clock.advance(3_000);
    expect({ stops, byes: said("bye") }).toEqual({ stops: ["now"], byes: 0 });
  });

  it("and to leave its jobs is gone at once, and says no good-bye: they would be given up", async () => {
    const { world, stops, said, signals } = await stopping("leave", { obeys: true });
    expect(stops).toEqual(["leave"]);
    await world.clock.advance(60_000);
    expect({ stops, byes: said("bye"), signals }).toEqual({ stops: ["leave"], byes: 0, signals: [] });
  });

  it("stops at once when it has nothing to do", async () => {
    const { world, agent, stops, heard } = await startedAgent({});
    agent.tell({ kind: "stop", mode: "drain" });
    await world.clock.advance(10);
    expect(stops).toEqual(["drain"]);
    expect(heard.at(-1)).toMatchObject({ kind: "bye" });
  });

  it("stops unsettled when nobody settles what it has to report", async () => {
    const { world, stops, said, succeed } = await stopping("drain", { obeys: true });
    succeed();
    await world.clock.advance(9_000);
    expect(stops).toEqual([]);
    await world.clock.advance(2_000);
    expect({ stops, byes: said("bye") }).toEqual({ stops: ["drain"], byes: 0 });
  });
});
