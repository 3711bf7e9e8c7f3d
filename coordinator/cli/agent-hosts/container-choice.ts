/** Which containers of agents' hosts a command is about. Pure. */

import type { HostContainer } from "../../../shared/client/index.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { nearestName } from "../../../shared/model/nearest-name.ts";

/** A container, and the agent on whose host it is. */
export interface FoundContainer extends HostContainer {
  readonly onAgent: string;
}

export interface ContainerFilter {
  /** Ids, starts of ids, or names: each must be there, whoever has made it. */
  readonly named: readonly string[];
  /** Also those that the agents have not made. */
  readonly all: boolean;
  readonly image?: string | undefined;
  readonly createdBefore?: Date | undefined;
  readonly createdAfter?: Date | undefined;
  /** Undefined takes both. */
  readonly running?: boolean | undefined;
}

/** What the filter leaves; without names and `all`, containers of others are never among it. */
export function chooseContainers(
  containers: readonly FoundContainer[],
  { named, all, image, createdBefore, createdAfter, running }: ContainerFilter,
): FoundContainer[] {
  const candidates =
    named.length > 0
      ? [...new Set(named.map((name) => containerNamed(containers, name)))]
      : containers.filter(({ isOwn }) => all || isOwn);
  return candidates.filter(
    (container) =>
      (running === undefined || container.isRunning === running) &&
      (image === undefined || shortest(container.image) === shortest(image)) &&
      (createdBefore === undefined || Date.parse(container.createdAt) <= createdBefore.getTime()) &&
      (createdAfter === undefined || Date.parse(container.createdAt) >= createdAfter.getTime()),
  );
}

/** The one that is meant; throws when it is none or several. */
export function containerNamed(containers: readonly FoundContainer[], wanted: string): FoundContainer {
  const exact = containers.filter(({ id, name }) => id === wanted || name === wanted);
  const matching = exact.length > 0 ? exact : containers.filter(({ id }) => id.startsWith(wanted));
  // Agents of one host show the same containers.
  const ids = new Set(matching.map(({ id }) => id));
  const found = matching.find(({ isOwn }) => isOwn) ?? matching[0];
  if (found !== undefined && ids.size === 1) return found;
  if (found !== undefined) {
    const listed = matching.map(({ id, onAgent }) => `${id.slice(0, 12)} on ${onAgent}`).join(", ");
    throw new MillraceError("badInput", `${wanted} may be several containers: ${listed}`, {
      fix: "Write more of the id.",
    });
  }
  const nearest = nearestName(
    wanted,
    containers.map(({ name }) => name),
  );
  throw new MillraceError("notFound", `no agent that was asked has a container ${wanted}`, {
    fix:
      nearest === undefined
        ? "See `millrace agents containers list --all --list-stopped`."
        : `Did you mean ${nearest}?`,
  });
}

/** Podman writes out the registry that docker leaves out. */
function shortest(image: string): string {
  return image.replace(/^(?:localhost|docker\.io(?:\/library)?)\//, "");
}
