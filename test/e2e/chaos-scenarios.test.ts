import { describe, it } from "vitest";
import { playScenario } from "../chaos/scenario.ts";
import { agentPaused } from "../chaos/scenarios/agent-paused.ts";
import { corruptedObject } from "../chaos/scenarios/corrupted-object.ts";
import { serverKilledMidArtifact } from "../chaos/scenarios/server-killed-mid-artifact.ts";

describe("a cluster of processes", () => {
  it("stores an artifact and runs no job again when nats-server is killed in the middle of it", async () => {
    await playScenario(serverKilledMidArtifact);
  });

  it("gives the jobs of a paused agent to another, and ends them on the first when it wakes", async () => {
    await playScenario(agentPaused({ pauseMs: 6_000, lostAfterMs: 3_000 }));
  });

  it("builds on no artifact whose stored bytes were altered or are missing", async () => {
    await playScenario(corruptedObject);
  });
});
