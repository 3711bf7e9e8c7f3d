/** The rows of the benchmarks, in order. */
import type { Row } from "./row.ts";
import { artifact } from "./rows/artifact.ts";
import { chain } from "./rows/chain.ts";
import { coldStart } from "./rows/cold-start.ts";
import { exchange } from "./rows/exchange.ts";
import { fleet } from "./rows/fleet.ts";
import { groupby } from "./rows/groupby.ts";
import { idle } from "./rows/idle.ts";
import { layered } from "./rows/layered.ts";
import { log } from "./rows/log.ts";
import { merge } from "./rows/merge.ts";
import { recovery } from "./rows/recovery.ts";
import { workflows } from "./rows/workflows.ts";

export const rows: readonly Row[] = [
  layered,
  exchange,
  chain,
  groupby,
  merge,
  artifact,
  coldStart,
  idle,
  fleet,
  workflows,
  log,
  recovery,
];
