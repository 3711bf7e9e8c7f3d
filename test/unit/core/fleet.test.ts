import { describe, expect, it } from "vitest";
import {
  newFleet,
  offerOf,
  onBye,
  onHeartbeat,
  onHello,
  onOutageEnded,
  onTick,
} from "../../../coordinator/core/fleet.ts";
import type { Heartbeat, Hello } from "../../../shared/model/messages.ts";

const sender = { v: 1 as const, agent: "a", incarnation: "i1", epoch: 1, ordersSeen: 0 };
const hello: Hello = {
  ...sender,
  capacity: { slots: 2, cpu: 2, memoryBytes: 1 },
  labels: [],
  pool: "",
  mode: "active",
  host: { hostname: "h", platform: "linux", arch: "x64", pid: 1 },
  abilities: [],
  versions: { millrace: "1", node: "20", engine: null },
  held: [],
};
const successor: Hello = { ...hello, incarnation: "i2" };
const heartbeat: Heartbeat = {
  ...sender,
  mode: "active",
  load1: 0,
  freeMemoryBytes: 0,
  held: [],
  refused: [],
};
const held = { run: "r", job: 0, attempt: 1, lease: "l", phase: "running" as const };
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
    onTick(fleet, 14_000);
    expect(kinds(onHello(fleet, hello, 14_500))).toEqual(["recovered", "joined"]);
  });

  it("gives an agent up after the limit, and asks it for a hello when it is heard again", () => {
    const fleet = newFleet(times);
    onHello(fleet, { ...hello, held: [held] }, 0);
    expect(kinds(onTick(fleet, 15_000))).toEqual(["lost"]);
    expect(fleet.agents.get("a")?.held).toEqual([]);
    expect(kinds(onHeartbeat(fleet, heartbeat, 20_000))).toEqual(["refused", "askHello"]);
    expect(onHello(fleet, hello, 21_000)).toMatchObject([{ kind: "joined", isBack: true }]);
  });

  it("asks the holder of a name that another incarnation claims, and follows the claimant when none answers", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    expect(onHello(fleet, successor, 1_000)).toEqual([{ kind: "askHello", agent: "a" }]);
    expect(onHello(fleet, successor, 1_500)).toEqual([]);
    expect(onTick(fleet, 1_999)).toEqual([]);
    expect(onTick(fleet, 2_000)).toMatchObject([
      { kind: "joined", isBack: true, agent: { hello: successor } },
    ]);
    expect(onTick(fleet, 2_500)).toEqual([]);
    expect(onHeartbeat(fleet, heartbeat, 3_000)).toMatchObject([
      { kind: "refused", reason: "incarnation" },
      { kind: "askHello" },
    ]);
    expect(fleet.agents.get("a")?.lastHeardMs).toBe(2_000);
  });

  it("takes a claimant as it has said last that it is", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onHello(fleet, successor, 1_000);
    onHello(fleet, { ...successor, mode: "held" }, 1_500);
    onTick(fleet, 2_000);
    expect(offerOf(fleet.agents.get("a") as never)).toMatchObject({ incarnation: "i2", mode: "held" });
  });

  it("lets one that lost its name to a claimant with other records claim it in turn", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onHello(fleet, successor, 1_000);
    onTick(fleet, 2_000);
    expect(onHello(fleet, hello, 3_000)).toEqual([{ kind: "askHello", agent: "a" }]);
  });

  it("lets an incarnation with the same records follow at once, and does not go back to its predecessor", () => {
    const fleet = newFleet(times);
    const first = { ...hello, incarnation: "records.1" };
    const second = { ...hello, incarnation: "records.2" };
    onHello(fleet, first, 0);
    expect(onHello(fleet, second, 1)).toMatchObject([{ kind: "joined", isBack: true }]);
    expect(onHello(fleet, second, 2)).toMatchObject([{ kind: "joined", isBack: false }]);
    expect(onHello(fleet, first, 3)).toMatchObject([{ kind: "refused", reason: "left" }]);
    expect(fleet.agents.get("a")?.hello.incarnation).toBe("records.2");
    expect(kinds(onHello(fleet, { ...hello, incarnation: "others.1" }, 4))).toEqual(["askHello"]);
  });

  it("leaves a name to the holder that is heard, tells of the claimant once, and hears it again later", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onHello(fleet, successor, 1_000);
    expect(onHello(fleet, hello, 1_001)).toMatchObject([
      { kind: "nameTaken", claimant: successor },
      { kind: "joined", isBack: false },
    ]);
    expect(onHeartbeat(fleet, heartbeat, 1_002)).toEqual([]);
    expect(onHello(fleet, successor, 1_003)).toEqual([]);
    expect(onTick(fleet, 2_500)).toEqual([]);
    expect(fleet.agents.get("a")?.hello.incarnation).toBe("i1");
    // The holder has died meanwhile; the claimant repeats its hello.
    expect(onHello(fleet, successor, 3_500)).toEqual([{ kind: "askHello", agent: "a" }]);
    expect(onTick(fleet, 4_500)).toMatchObject([{ kind: "joined", isBack: true }]);
  });

  it("gives the name of a lost agent to whoever says hello", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onTick(fleet, 15_000);
    expect(onHello(fleet, successor, 15_001)).toMatchObject([{ kind: "joined", isBack: true }]);
  });

  it("does not take back an incarnation that has left, whose hello was still under way", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onBye(fleet, { ...sender, reason: "stopped" }, 10);
    expect(onHello(fleet, hello, 11)).toEqual([{ kind: "refused", agent: "a", reason: "left" }]);
    expect(fleet.agents.get("a")?.state).toBe("left");
    expect(onHello(fleet, successor, 12)).toMatchObject([{ kind: "joined" }]);
  });

  it("weighs a claim anew after an outage, in which the holder could neither be asked nor be heard", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onHello(fleet, successor, 1_000);
    onOutageEnded(fleet, 3_000);
    expect(onTick(fleet, 3_500)).toEqual([]);
    expect(onHello(fleet, successor, 4_000)).toEqual([{ kind: "askHello", agent: "a" }]);
    expect(kinds(onHeartbeat(fleet, heartbeat, 4_500))).toEqual(["nameTaken"]);
    expect(fleet.agents.get("a")?.hello.incarnation).toBe("i1");
  });

  it("counts silence from the end of an outage", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onOutageEnded(fleet, 14_000);
    expect(onTick(fleet, 19_999)).toEqual([]);
    expect(kinds(onTick(fleet, 20_000))).toEqual(["suspected", "offerChanged"]);
  });

  it("lets an agent leave, and does not call it lost later", () => {
    const fleet = newFleet(times);
    onHello(fleet, { ...hello, held: [held] }, 0);
    expect(kinds(onBye(fleet, { ...sender, reason: "stopped" }, 10))).toEqual(["left"]);
    expect(fleet.agents.get("a")?.held).toEqual([]);
    expect(onTick(fleet, 60_000)).toEqual([]);
  });

  it("asks nobody for a hello who has just said that it leaves", () => {
    expect(kinds(onBye(newFleet(times), { ...sender, reason: "stopped" }, 10))).toEqual(["refused"]);
  });

  it("tells of a mode that the agent has taken", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    expect(kinds(onHeartbeat(fleet, { ...heartbeat, mode: "draining" }, 10))).toEqual([
      "modeChanged",
      "offerChanged",
    ]);
    expect(offerOf(fleet.agents.get("a") as never).mode).toBe("draining");
  });

  it("tells of a trouble that keeps the agent from taking jobs, and of its end", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    const trouble = "its disk is full";
    expect(kinds(onHeartbeat(fleet, { ...heartbeat, trouble }, 10))).toEqual(["offerChanged"]);
    expect(offerOf(fleet.agents.get("a") as never).trouble).toBe(trouble);
    expect(kinds(onHeartbeat(fleet, heartbeat, 20))).toEqual(["offerChanged"]);
    expect(offerOf(fleet.agents.get("a") as never).trouble).toBeUndefined();
  });

  it("knows what an agent holds, and refuses, as of its last heartbeat", () => {
    const fleet = newFleet(times);
    onHello(fleet, hello, 0);
    onHeartbeat(fleet, { ...heartbeat, load1: 0.5, held: [held], refused: [["gap", 1]] }, 10);
    expect(fleet.agents.get("a")).toMatchObject({ load1: 0.5, held: [held], refused: [["gap", 1]] });
    onHello(fleet, { ...hello, held: [held] }, 20);
    expect(fleet.agents.get("a")).toMatchObject({ load1: 0.5, refused: [["gap", 1]] });
  });
});
