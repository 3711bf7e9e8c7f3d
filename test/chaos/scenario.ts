/** A directed scenario: one thing that goes wrong at one moment, and what must come of it. */
import type { Client } from "../../shared/client/index.ts";
import { Stage, type StageOptions } from "./stage.ts";

export interface Scenario {
  readonly summary: string;
  readonly stage: StageOptions;
  /** Rejects when something came otherwise. */
  play(scene: Scene): Promise<void>;
}

export interface Scene {
  readonly stage: Stage;
  readonly client: Client;
  readonly say: (line: string) => void;
}

/** Plays a scenario on a stage of its own and ends everything. The stage's folder stays when it fails. */
export async function playScenario(scenario: Scenario, watch: Watch = {}): Promise<void> {
  const stage = await Stage.open(scenario.stage);
  watch.onOpen?.(stage);
  const say = watch.say ?? (() => undefined);
  try {
    await scenario.play({ stage, client: await stage.client("chaos"), say });
  } catch (error) {
    say(`what was done, and the logs of all processes, are in ${stage.folder}`);
    throw error;
  } finally {
    await stage.close();
  }
  await stage.forget();
}

/** What somebody wants to know of a scenario while it plays. */
interface Watch {
  readonly say?: (line: string) => void;
  readonly onOpen?: (stage: Stage) => void;
}
