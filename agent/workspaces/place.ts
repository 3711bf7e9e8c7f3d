/** The folders and files of one attempt, and what can be done with them. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "./folder-tree.ts";
import { isUntouched, type Stamp, stampFolder } from "./untouched-folder.ts";

/** Where an attempt has what. */
export interface Place {
  readonly number: number;
  readonly root: string;
  readonly work: string;
  readonly inputs: string;
  readonly sources: string;
  /** The text of a program, executable. */
  readonly program: string;
  /** In the layout `package` what stands for `/`. */
  readonly packageRoot: string;
  /** What the kernel needs to lay that over what the job shares with others. */
  readonly overlay: string;
  readonly log: string;
  readonly control: string;
}

/** Where the place of this number is; its log is in its own folder until it is given another. */
export function placeOf(attempts: string, controlRoot: string, number: number): Place {
  const root = join(attempts, String(number));
  return {
    number,
    root,
    work: join(root, "work"),
    inputs: join(root, "inputs"),
    sources: join(root, "sources"),
    program: join(root, "program"),
    packageRoot: join(root, "package"),
    overlay: join(root, "overlay"),
    log: join(root, "log"),
    control: join(controlRoot, String(number)),
  };
}

/** How the folders of a place looked when nothing but the workspace was in them. */
export interface PlaceStamp {
  readonly root: Stamp;
  readonly work: Stamp;
}

/** Makes the folders that every attempt needs, only for the agent's user; gives what they are known by. */
export function makePlace(place: Place): PlaceStamp {
  try {
    mkdirSync(place.work, { recursive: true, mode: WORKSPACE_MODE });
    mkdirSync(place.control, { mode: 0o700 });
    return { root: stampFolder(place.root), work: stampFolder(place.work) };
  } catch (error) {
    discardPlace(place);
    throw error;
  }
}

/** Removes a place that could not be made whole, as far as that is possible. */
export function discardPlace(place: Place): void {
  for (const folder of [place.root, place.control]) rmSync(folder, { recursive: true, force: true });
}

/** Removes a place with all that is in it. */
export async function removePlace(place: Place): Promise<void> {
  await removeTree(place.root);
  // Last, so that a removal cut short is taken up again.
  await removeTree(place.control);
}

/**
 * Whether a job has left nothing in the folders of its place: the stamp for its next use. One that was used and left
 * empty again is stamped anew.
 */
export function cleanStamp(place: Place, { root, work }: PlaceStamp): PlaceStamp | undefined {
  try {
    if (!isUntouched(place.root, root)) return undefined;
    if (isUntouched(place.work, work)) return { root, work };
    if (readdirSync(place.work).length > 0) return undefined;
    const anew = stampFolder(place.work);
    return (anew.mode & 0o7777) === WORKSPACE_MODE ? { root, work: anew } : undefined;
  } catch {
    // The job removed its workspace, or made it unreadable.
    return undefined;
  }
}

const WORKSPACE_MODE = 0o700;
