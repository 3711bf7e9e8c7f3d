/**
 * The folders of attempts: on disk the workspace, the inputs and the log, on a RAM file system, where there is one,
 * the control files (record, launch file, status).
 *
 *     <work folder>/attempts/<number>/{work,inputs,sources,log}     <control root>/<number>/{attempt.json,launch,…}
 *     <work folder>/kept/<run>/<job>-<attempt>/                     failed ones, where they are to be kept
 *
 * A place is an attempt's until its report is settled: until then its result could be made again from what is in it.
 * A place that a job left empty serves the next one as it is, since making and removing folders is most of what a
 * short job costs.
 *
 * The control root has an id: it lasts as long as the records do, over restarts of the agent. An attempt that was given
 * to an agent with this id, and of which no record is there, was never started, or was settled.
 *
 * Invariants: (1) no two attempts share a place at a time. (2) a place handed out has an empty workspace, no log, no
 * status, no inputs. (3) a record is there whenever something may have been started.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { mkdir, readdir, rename, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { folderName } from "../../shared/model/name.ts";
import type { EndCause } from "../core/end-cause.ts";
import { bootId, uptimeMs } from "../runners/process-census.ts";
import { type AttemptRecord, readRecord, recordPath, replaceRecord, writeRecord } from "./attempt-record.ts";
import { type ControlRoot, closeControlRoot, openControlRoot, remakeControlRoot } from "./control-root.ts";
import { removeTree } from "./folder-tree.ts";
import { releasedPath } from "./released-log.ts";
import { releaseLock, takeLock } from "./work-folder-lock.ts";

/** The folders and files of one attempt. */
export interface Place {
  readonly number: number;
  readonly root: string;
  readonly work: string;
  readonly inputs: string;
  readonly sources: string;
  readonly log: string;
  readonly control: string;
}

/** An attempt of an earlier process of this agent. */
export interface Leftover {
  readonly record: AttemptRecord;
  readonly place: Place;
}

const LOCK_FILE = "agent.lock";

export class Workspaces {
  readonly #folder: string;
  readonly #controlRoot: ControlRoot;
  readonly #onControlLost: (path: string) => void;
  readonly boot: string;
  #free: Place[] = [];
  readonly #used = new Set<Place>();
  #lastNumber: number;

  private constructor(
    folder: string,
    controlRoot: ControlRoot,
    boot: string,
    onControlLost: (path: string) => void,
  ) {
    this.#folder = folder;
    this.#controlRoot = controlRoot;
    this.#onControlLost = onControlLost;
    this.boot = boot;
    this.#lastNumber = 0;
  }

  /**
   * Takes a work folder, removes what no attempt needs, and lists what earlier processes left. `onControlLost` is called
   * when somebody else has removed the control files.
   */
  static async open(
    folder: string,
    onControlLost: (path: string) => void = () => undefined,
  ): Promise<{ workspaces: Workspaces; leftovers: Leftover[] }> {
    await takeLock(join(folder, LOCK_FILE));
    await mkdir(join(folder, "attempts"), { recursive: true, mode: 0o700 });
    const controlRoot = await openControlRoot(folder);
    const boot = await bootId();
    const leftovers: Leftover[] = [];
    const numbers = new Set([...numbersIn(controlRoot.path), ...numbersIn(join(folder, "attempts"))]);
    for (const number of numbers) {
      const place = placeOf(folder, controlRoot.path, number);
      const record = readRecord(place.control);
      if (record !== undefined) leftovers.push({ record, place });
      else await removePlace(place);
    }
    const workspaces = new Workspaces(folder, controlRoot, boot, onControlLost);
    workspaces.#lastNumber = Math.max(0, ...numbers);
    for (const { place } of leftovers) workspaces.#used.add(place);
    return { workspaces, leftovers };
  }

  /** Where control files are. */
  get controlFolder(): string {
    return this.#controlRoot.path;
  }

  /** Of the records in this work folder: new when those before are gone, with a reboot for example. */
  get recordsId(): string {
    return this.#controlRoot.id;
  }

  /** An empty place, with the attempt's record in it; `launches` when its command is started without further ado. */
  take(record: AttemptRecord, launches: boolean): Place {
    try {
      return this.#take(record, launches);
    } catch (error) {
      if (!this.mendControl()) throw error;
      return this.#take(record, launches);
    }
  }

  /**
   * Makes the control folder anew where somebody else has removed it; says whether he had. What runs goes on, and its
   * spawner finds where to write the status; but without a record no successor takes it over.
   */
  mendControl(): boolean {
    if (!remakeControlRoot(this.#controlRoot, this.#folder)) return false;
    for (const place of this.#free.splice(0)) discardPlace(place);
    for (const { control } of this.#used) mkdirSync(control, { recursive: true, mode: 0o700 });
    this.#onControlLost(this.#controlRoot.path);
    return true;
  }

  /** Its command is about to be started. */
  launching(place: Place, record: AttemptRecord): void {
    replaceRecord(place.control, { ...record, launchedMs: uptimeMs() });
  }

  /** The agent ends it, for this cause; whoever reports it is to say so. */
  ending(place: Place, ended: EndCause): void {
    const record = readRecord(place.control);
    if (record !== undefined) replaceRecord(place.control, { ...record, ended });
  }

  /** Gives a place back once its attempt is settled. */
  async release(place: Place): Promise<void> {
    this.#used.delete(place);
    if (isClean(place)) {
      for (const file of [place.log, join(place.control, "status"), recordPath(place.control)])
        removeFile(file);
      this.#free.push(place);
    } else {
      await removePlace(place);
    }
  }

  /** Moves the workspace and log of a failed attempt to where people find them, and gives the place back. */
  async keep(place: Place, { run, name, attempt }: AttemptRecord): Promise<string> {
    const kept = join(this.#folder, "kept", run, `${folderName(name)}-${attempt}`);
    await mkdir(join(this.#folder, "kept", run), { recursive: true, mode: 0o700 });
    await removeTree(kept);
    await rename(place.root, kept);
    this.#used.delete(place);
    await removePlace(place);
    return kept;
  }

  /** Removes the places that are free, or with `everything` also those a successor could report; then all it can. */
  async close(what: "free" | "everything"): Promise<void> {
    for (const place of this.#free) await removePlace(place);
    this.#free = [];
    const attempts = join(this.#folder, "attempts");
    if (what === "everything") {
      await removeTree(attempts);
      for (const number of numbersIn(this.#controlRoot.path))
        await removeTree(join(this.#controlRoot.path, String(number)));
    }
    await removeIfEmpty(attempts);
    await closeControlRoot(this.#controlRoot);
    releaseLock(join(this.#folder, LOCK_FILE));
    await removeIfEmpty(this.#folder);
  }

  #take(record: AttemptRecord, launches: boolean): Place {
    const place = this.#free.pop() ?? this.#make();
    try {
      writeRecord(place.control, { ...record, launchedMs: launches ? uptimeMs() : null });
    } catch (error) {
      discardPlace(place);
      throw error;
    }
    this.#used.add(place);
    return place;
  }

  #make(): Place {
    this.#lastNumber += 1;
    const place = placeOf(this.#folder, this.#controlRoot.path, this.#lastNumber);
    try {
      mkdirSync(place.work, { recursive: true, mode: 0o700 });
      mkdirSync(place.control, { mode: 0o700 });
    } catch (error) {
      discardPlace(place);
      throw error;
    }
    return place;
  }
}

function placeOf(folder: string, controlRoot: string, number: number): Place {
  const root = join(folder, "attempts", String(number));
  return {
    number,
    root,
    work: join(root, "work"),
    inputs: join(root, "inputs"),
    sources: join(root, "sources"),
    log: join(root, "log"),
    control: join(controlRoot, String(number)),
  };
}

/** Removes a place that could not be made whole, as far as that is possible. */
function discardPlace(place: Place): void {
  for (const folder of [place.root, place.control]) rmSync(folder, { recursive: true, force: true });
}

async function removePlace(place: Place): Promise<void> {
  await removeTree(place.root);
  // Last, so that a removal cut short is taken up again.
  await removeTree(place.control);
}

/** A place in which only the log and the control files of a shell job are. */
function isClean(place: Place): boolean {
  try {
    return (
      readdirSync(place.work).length === 0 &&
      readdirSync(place.root).every((name) => name === "work" || name === "log") &&
      !existsSync(join(place.control, "container")) &&
      !existsSync(releasedPath(place.control)) &&
      (lstatSync(place.work).mode & 0o7777) === 0o700
    );
  } catch {
    // The job removed its workspace, or made it unreadable.
    return false;
  }
}

/** Unlike `rmSync` this is one system call; it is done three times for each job. */
function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length === 0) await rmdir(folder);
  } catch (error) {
    // Gone, or the next agent has put something there meanwhile.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}
