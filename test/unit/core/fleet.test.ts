import { describe, expect, it } from "vitest";
import { newFleet, offerOf, onBye, onHeartbeat, onHello, onTick } from "../../../coordinator/core/fleet.ts";
import type { Heartbeat, Hello } from "../../../shared/model/messages.ts";

const sender = { v: 1 as const, agent: "a", incarnation: "i1", epoch: 1, ordersSeen: 0 };
const hello: Hello = {
  ...sender,
  capacity: { slots: 2, cpu: 2, memoryBytes: 1 },
  labels: [],
  pool: "",
  mode: "active",
  host: { hostname: "h", platform: "linux", arch: "x64", pid: 1 },
  versions: { millrace: "1", node: "20", engine: null },
  held: [],
};
const heartbeat: Heartbeat = { ...sender, mode: "active", load1: 0, freeMemoryBytes: 0, held: [] };
const times = { heartbeatMs: 2_000, lostAfterMs: 15_000 };
const kinds = (effects: readonly { kind: string }[]) => effects.map((effect) => effect.kind);

describe("the fleet", () => {
  it("suspects an agent after three missed heartbeats, and takes it back when it is heard", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    expect(onTick(fleet, 5_999)).toEqual([]);
    expect(kinds(onTick(fleet, 6_000))).toEqual(["suspected", "offerChanged"]);
    expect(kinds(onTick(fleet, 7_000))).toEqual([]);
    expect(offerOf(fleet.agents.get("a") as never).mode).toBe("held");
    expect(kinds(onHeartbeat(fleet, heartbeat, 8_000))).toEqual(["recovered", "offerChanged"]);
    expect(offerOf(fleet.agents.get("a") as never).mode).toBe("active");
  });

  it("gives an agent up after the limit, and asks it for a hello when it is heard again", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    expect(kinds(onTick(fleet, 15_000))).toEqual(["lost"]);
    expect(kinds(onHeartbeat(fleet, heartbeat, 20_000))).toEqual(["refused", "askHello"]);
    expect(onHello(fleet, hello, 21_000)).toMatchObject([{ kind: "joined", isNewIncarnation: true }]);
  });

  it("refuses what an earlier incarnation says", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onHello(fleet, { ...hello, incarnation: "i2" }, 1_000);
    expect(onHeartbeat(fleet, heartbeat, 2_000)).toMatchObject([{ kind: "refused", reason: "incarnation" }]);
    expect(fleet.agents.get("a")?.lastHeardMs).toBe(1_000);
  });

  it("lets an agent leave, and does not call it lost later", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    expect(kinds(onBye(fleet, { ...sender, reason: "stopped" }, 10))).toEqual(["left"]);
    expect(onTick(fleet, 60_000)).toEqual([]);
  });

  it("tells of a mode that the agent has taken", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    expect(kinds(onHeartbeat(fleet, { ...heartbeat, mode: "draining" }, 10))).toEqual([
      "modeChanged",
      "offerChanged",
    ]);
  });
});
