/** Commands about packages and what belongs to them. */
import { asking } from "./asking.ts";
import { build } from "./building.ts";
import type { Chapter } from "./entry.ts";
import { findArtifact, release } from "./releases.ts";
import { source } from "./sources.ts";

export const packages: Chapter = {
  title: "Packages",
  entries: [build, ...asking, source, release, findArtifact],
};
