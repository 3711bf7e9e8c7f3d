/**
 * The `/outputs` of a container, as the engine's tar of it, unpacked to a folder of the agent. The job has made what is
 * in it, so nothing of it is trusted:
 *
 * 1. No entry is written before its path is known to stay inside; none replaces another.
 * 2. Links are made last: nothing is ever written through one. A hard link joins files that were written here.
 * 3. Owners and times are nobody's business; of a mode only the executable bit counts.
 */
import { type FileHandle, link, mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { OutputError } from "../../shared/store/output-error.ts";
import { pathProblem } from "../../shared/store/safe-path.ts";
import { type TarEntry, tarEntries } from "../../shared/store/tar-entries.ts";
import { packageNames, packagePaths } from "./package-paths.ts";

interface Link {
  readonly path: string;
  readonly target: string;
}

/** Unpacks the folder that is the only one at the top of the tar. */
export async function unpackOutputs(tar: AsyncIterable<Uint8Array>, folder: string): Promise<void> {
  const hard: Link[] = [];
  const symbolic: Link[] = [];
  const files = new Set<string>();
  for await (const { header, content } of tarEntries(tar)) {
    const path = pathIn(header.name);
    if (path === undefined && header.type !== "directory")
      throw new OutputError("badOutput", `${packagePaths.outputs} is no folder but a ${header.type}`);
    const place = join(folder, path ?? "");
    if (header.type === "file") {
      await writeEntry(place, (header.mode & 0o100) !== 0, content, header.name);
      files.add(path ?? "");
      continue;
    }
    for await (const _ of content); // has none, but must be read to its end
    if (header.type === "directory") await mkdir(place, { recursive: true });
    else if (header.type === "symlink") symbolic.push({ path: place, target: header.linkname ?? "" });
    else if (header.type === "link") hard.push({ path: place, target: pathIn(header.linkname ?? "") ?? "" });
    else throw new OutputError("badOutput", `${header.name} is neither a file, a folder nor a link`);
  }
  for (const { path, target } of hard) {
    if (!files.has(target)) throw new OutputError("badOutput", `${target} is linked, and is no file`);
    await making(path, () => link(join(folder, target), path));
  }
  for (const { path, target } of symbolic) await making(path, () => symlink(target, path));
}

/** The path below the folder; undefined for the folder itself. */
function pathIn(name: string): string | undefined {
  const [top, ...parts] = name.replace(/\/+$/, "").split("/");
  const path = parts.join("/");
  if (top !== packageNames.outputs)
    throw new OutputError("badOutput", `${JSON.stringify(name)} is not in the folder`);
  if (parts.length === 0) return undefined;
  const problem = pathProblem(path);
  if (problem !== undefined) throw new OutputError("badOutput", `output ${JSON.stringify(path)} ${problem}`);
  return path;
}

async function writeEntry(
  path: string,
  executable: boolean,
  content: TarEntry["content"],
  name: string,
): Promise<void> {
  const file = await making(name, () => openNew(path, executable ? 0o755 : 0o644));
  try {
    for await (const piece of content) {
      for (let written = 0; written < piece.length; )
        written += (await file.write(piece, written, piece.length - written)).bytesWritten;
    }
  } finally {
    await file.close();
  }
}

async function openNew(path: string, mode: number): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  return await open(path, "wx", mode);
}

/** What is there already, or is in the way, is the job's doing; a full disk is not. */
async function making<T>(name: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST" && code !== "ENOTDIR" && code !== "ENAMETOOLONG") throw error;
    throw new OutputError("badOutput", `${name} can't be an output: ${(error as Error).message}`, error);
  }
}
