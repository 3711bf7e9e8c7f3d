/**
 * The folders of attempts: on disk the workspace, the inputs and the log, on a RAM file system, where there is one,
 * the control files (record, launch file, status).
 *
 *     <work folder>/attempts/<number>/{work,inputs,sources}         <control root>/<number>/{attempt.json,launch,…}
 *     <work folder>/logs/<number>                                   numbers of their own
 *     <work folder>/kept/<run>/<job>-<attempt>/{work,log,…}         failed ones, where they are to be kept
 *
 * A place is an attempt's until its report is settled: until then its result could be made again from what is in it.
 * A place that a job left empty serves the next one as it is, since making and removing folders is most of what a
 * short job costs.
 *
 * The control root has an id: it lasts as long as the records do, over restarts of the agent. An attempt that was given
 * to an agent with this id, and of which no record is there, was never started, or was settled.
 *
 * Invariants: (1) no two attempts share a place at a time. (2) a place handed out has an empty workspace and an
 * empty log or none, and no inputs; a status there names an earlier attempt. (3) a record is there whenever something
 * may have been started.
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { mkdir, readdir, rename, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Release } from "../../shared/host/process-lock.ts";
import { folderName } from "../../shared/model/name.ts";
import type { EndCause } from "../core/end-cause.ts";
import { bootId, uptimeMs } from "../runners/process-census.ts";
import { type AttemptRecord, readRecord, recordPath, recordText, replaceRecord } from "./attempt-record.ts";
import type { ControlFiles } from "./control-files.ts";
import { type ControlRoot, closeControlRoot, openControlRoot, remakeControlRoot } from "./control-root.ts";
import { firstNumber } from "./first-number.ts";
import { removeTree } from "./folder-tree.ts";
import { LogFiles } from "./log-files.ts";
import {
  cleanStamp,
  discardPlace,
  makePlace,
  type Place,
  type PlaceStamp,
  placeOf,
  removePlace,
} from "./place.ts";
import { takeLock } from "./work-folder-lock.ts";

/** An attempt of an earlier process of this agent. */
export interface Leftover {
  readonly record: AttemptRecord;
  readonly place: Place;
}

export interface WorkspaceOptions {
  /** Shared with whoever else writes control files. */
  readonly controlFiles: ControlFiles;
  /** Somebody else has removed the control files. */
  readonly onControlLost: (path: string) => void;
}

/** What an attempt leaves of its place. */
export interface Leaving {
  /** Its control files are those that every shell job has. */
  readonly isPlain: boolean;
  readonly hasOutput: boolean;
  /** Resolves when nothing of the attempt is left, with whether its log is surely nobody's any more. */
  readonly isQuiet: Promise<boolean>;
}

const LOCK_FILE = "agent.lock";
const LOGS = "logs";

export class Workspaces {
  readonly #folder: string;
  readonly #controlRoot: ControlRoot;
  readonly #onControlLost: (path: string) => void;
  readonly boot: string;
  readonly #controlFiles: ControlFiles;
  readonly #logs: LogFiles;
  readonly #unlock: Release;
  #free: Place[] = [];
  readonly #used = new Map<number, Place>();
  /** How places that were made here looked when they were new. */
  readonly #stamps = new Map<number, PlaceStamp>();
  #lastNumber = 0;

  private constructor(
    folder: string,
    controlRoot: ControlRoot,
    boot: string,
    logs: LogFiles,
    unlock: Release,
    { controlFiles, onControlLost }: WorkspaceOptions,
  ) {
    this.#folder = folder;
    this.#controlRoot = controlRoot;
    this.#onControlLost = onControlLost;
    this.#controlFiles = controlFiles;
    this.#logs = logs;
    this.#unlock = unlock;
    this.boot = boot;
  }

  /** Takes a work folder, removes what no attempt needs, and lists what earlier processes left. */
  static async open(
    folder: string,
    options: WorkspaceOptions,
  ): Promise<{ workspaces: Workspaces; leftovers: Leftover[] }> {
    const unlock = await takeLock(join(folder, LOCK_FILE));
    const attempts = join(folder, "attempts");
    await mkdir(attempts, { recursive: true, mode: 0o700 });
    const controlRoot = await openControlRoot(folder);
    const boot = await bootId();
    const leftovers: Leftover[] = [];
    const numbers = new Set([...numbersIn(controlRoot.path), ...numbersIn(attempts)]);
    for (const number of numbers) {
      const place = placeOf(attempts, controlRoot.path, number);
      const record = readRecord(place.control);
      if (record === undefined) await removePlace(place);
      else leftovers.push({ record, place: withLog(place, join(folder, LOGS), record.log) });
    }
    const logs = LogFiles.open(join(folder, LOGS), new Set(leftovers.map(({ place }) => place.log)));
    const workspaces = new Workspaces(folder, controlRoot, boot, logs, unlock, options);
    workspaces.#lastNumber = Math.max(firstNumber(), ...numbers);
    for (const { place } of leftovers) workspaces.#used.set(place.number, place);
    return { workspaces, leftovers };
  }

  /** Where attempts have their folders on disk. */
  get attemptsFolder(): string {
    return join(this.#folder, "attempts");
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
    this.#controlFiles.close();
    for (const place of this.#free.splice(0)) this.#discard(place);
    for (const { control } of this.#used.values()) mkdirSync(control, { recursive: true, mode: 0o700 });
    this.#onControlLost(this.#controlRoot.path);
    return true;
  }

  /** Its command is about to be started. */
  launching(place: Place, record: AttemptRecord): void {
    this.#replaceRecord(place, { ...record, launchedMs: uptimeMs(), log: basename(place.log) });
  }

  /** The agent ends it, for this cause; whoever reports it is to say so. */
  ending(place: Place, ended: EndCause): void {
    const record = readRecord(place.control);
    if (record !== undefined) this.#replaceRecord(place, { ...record, ended });
  }

  /** Gives a place back once its attempt is settled. */
  async release(place: Place, { isPlain, hasOutput, isQuiet }: Leaving): Promise<void> {
    this.#used.delete(place.number);
    this.#logs.giveBack(place.log, hasOutput, isQuiet);
    const known = this.#stamps.get(place.number);
    const stamp = known === undefined || !isPlain ? undefined : cleanStamp(place, known);
    if (stamp === undefined) return await this.#remove(place);
    this.#stamps.set(place.number, stamp);
    this.#controlFiles.spoil(recordPath(place.control));
    this.#free.push(place);
  }

  /** Moves the workspace and log of a failed attempt to where people find them, and gives the place back. */
  async keep(place: Place, { run, name, attempt }: AttemptRecord): Promise<string> {
    const kept = join(this.#folder, "kept", run, `${folderName(name)}-${attempt}`);
    await mkdir(join(this.#folder, "kept", run), { recursive: true, mode: 0o700 });
    await removeTree(kept);
    await rename(place.root, kept);
    if (existsSync(place.log)) await rename(place.log, join(kept, "log"));
    this.#used.delete(place.number);
    await this.#remove(place);
    return kept;
  }

  /** Removes the places that are free, or with `everything` also those a successor could report; then all it can. */
  async close(what: "free" | "everything"): Promise<void> {
    for (const place of this.#free.splice(0)) await this.#remove(place);
    this.#controlFiles.close();
    this.#logs.close();
    const attempts = this.attemptsFolder;
    if (what === "everything") {
      await removeTree(attempts);
      await removeTree(join(this.#folder, LOGS));
      for (const number of numbersIn(this.#controlRoot.path))
        await removeTree(join(this.#controlRoot.path, String(number)));
    }
    await removeIfEmpty(attempts);
    await removeIfEmpty(join(this.#folder, LOGS));
    await closeControlRoot(this.#controlRoot);
    await this.#unlock();
    await removeIfEmpty(this.#folder);
  }

  #take(record: AttemptRecord, launches: boolean): Place {
    const free = this.#free.pop() ?? this.#make();
    const place = { ...free, log: this.#logs.take() };
    try {
      // What is written to a file that is open is written, too, when somebody has removed it.
      if (!existsSync(place.control)) throw new Error(`${place.control} is gone`);
      const launchedMs = launches ? uptimeMs() : null;
      const text = recordText({ ...record, launchedMs, log: basename(place.log) });
      this.#controlFiles.write(recordPath(place.control), text);
    } catch (error) {
      this.#discard(place);
      throw error;
    }
    this.#used.set(place.number, place);
    return place;
  }

  #make(): Place {
    this.#lastNumber += 1;
    const place = placeOf(this.attemptsFolder, this.#controlRoot.path, this.#lastNumber);
    this.#stamps.set(place.number, makePlace(place));
    return place;
  }

  #replaceRecord(place: Place, record: AttemptRecord): void {
    this.#controlFiles.forget(recordPath(place.control));
    replaceRecord(place.control, record);
  }

  #discard(place: Place): void {
    this.#controlFiles.forgetFolder(place.control);
    this.#stamps.delete(place.number);
    discardPlace(place);
  }

  async #remove(place: Place): Promise<void> {
    this.#controlFiles.forgetFolder(place.control);
    this.#stamps.delete(place.number);
    await removePlace(place);
  }
}

/** Version 0.1 had the log in the place itself, and did not name it. */
function withLog(place: Place, logs: string, name: string | undefined): Place {
  return name === undefined ? place : { ...place, log: join(logs, name) };
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
