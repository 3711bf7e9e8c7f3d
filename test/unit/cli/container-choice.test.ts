import { describe, expect, it } from "vitest";
import {
  chooseContainers,
  containerNamed,
  type FoundContainer,
} from "../../../coordinator/cli/agent-hosts/container-choice.ts";

function container(name: string, fields: Partial<FoundContainer> = {}): FoundContainer {
  const id = Buffer.from(name).toString("hex").padEnd(64, "0");
  const state = fields.isRunning === true ? "running" : "exited";
  return {
    ...{ id, name, image: "debian:12", state, isRunning: false, createdAt: "2026-05-01T12:00:00Z" },
    ...{ agent: "a1", run: "r1", isOwn: true, isInUse: false, onAgent: "a1", ...fields },
  };
}

const own = container("own");
const running = container("running", { isRunning: true, createdAt: "2026-05-02T12:00:00Z" });
const foreign = container("foreign", { isOwn: false, agent: null, run: null, isRunning: true });
const all = [own, running, foreign];
const everything = { named: [], all: false };

describe("the containers that a command is about", () => {
  it("are those that the agents have made, unless all are asked for", () => {
    expect(chooseContainers(all, everything)).toEqual([own, running]);
    expect(chooseContainers(all, { ...everything, all: true })).toEqual(all);
  });

  it("are those that run, or those that have ended, where only such are meant", () => {
    expect(chooseContainers(all, { ...everything, running: true })).toEqual([running]);
    expect(chooseContainers(all, { ...everything, running: false })).toEqual([own]);
  });

  it("are of an age and an image that is asked for", () => {
    const noon = new Date("2026-05-02T00:00:00Z");
    expect(chooseContainers(all, { ...everything, createdBefore: noon })).toEqual([own]);
    expect(chooseContainers(all, { ...everything, createdAfter: noon })).toEqual([running]);
    expect(chooseContainers(all, { ...everything, image: "gcc:14" })).toEqual([]);
    for (const written of ["debian:12", "docker.io/library/debian:12", "localhost/debian:12"]) {
      expect(chooseContainers(all, { ...everything, image: written })).toEqual([own, running]);
    }
    expect(chooseContainers(all, { ...everything, image: "registry.example/debian:12" })).toEqual([]);
  });

  it("are somebody else's when they are named, and one when it is named twice", () => {
    expect(chooseContainers(all, { named: ["foreign", foreign.id], all: false })).toEqual([foreign]);
  });
});

describe("a container's name", () => {
  it("is its id, the start of it, or what it is called", () => {
    expect(containerNamed(all, own.id.slice(0, 4))).toBe(own);
    expect(containerNamed(all, "running")).toBe(running);
  });

  it("is refused where it may be several, or nobody's", () => {
    const twin = container("owl");
    expect(() => containerNamed([own, twin], "6f7")).toThrow(/several containers: 6f776e000000 on a1/);
    expect(() => containerNamed(all, "runing")).toThrow(
      expect.objectContaining({ code: "notFound", fix: "Did you mean running?" }),
    );
  });

  it("is of one container though two agents of a host show it", () => {
    const seen = { ...own, isOwn: false, onAgent: "a2" };
    expect(containerNamed([seen, own], "own")).toBe(own);
  });
});
