/** The directed scenarios by name. */
import type { Scenario } from "./scenario.ts";
import { agentPaused } from "./scenarios/agent-paused.ts";
import { corruptedObject } from "./scenarios/corrupted-object.ts";
import { serverKilledMidArtifact } from "./scenarios/server-killed-mid-artifact.ts";
import { takeover } from "./scenarios/takeover.ts";

export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ["agent-paused", agentPaused({ pauseMs: 60_000, lostAfterMs: 15_000 })],
  ["corrupted-object", corruptedObject],
  ["server-killed-mid-artifact", serverKilledMidArtifact],
  ["takeover", takeover],
]);
