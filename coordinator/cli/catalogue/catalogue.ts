import type { Chapter } from "./entry.ts";
import { looking } from "./looking.ts";
import { packages } from "./packages.ts";
import { running } from "./running.ts";
import { serving } from "./serving.ts";
import { steering } from "./steering.ts";

/** Every command, in the order help shows them. */
export const catalogue: readonly Chapter[] = [running, looking, packages, steering, serving];
