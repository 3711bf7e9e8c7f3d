/**
 * Files of the layout `package` on their way into a container before it starts and out of it when it has ended, through
 * the engine: in a container they belong to its root, like in any image, and need not be on this host's disk twice for
 * long. What comes out is a stream, of which little is held in memory.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { MillraceError } from "../../shared/model/error.ts";
import { OutputError } from "../../shared/store/output-error.ts";
import type { Engine } from "./engine.ts";
import { askEngine, engineWords } from "./engine-command.ts";
import { packageNames, packagePaths } from "./package-paths.ts";
import { unpackOutputs } from "./unpacked-outputs.ts";

const KEPT_COMPLAINT_CHARS = 4 * 1024;

/** Puts all that is in a folder into the root of a container that is not started. */
export async function copyIn(engine: Engine, id: string, folder: string): Promise<void> {
  const reply = await askEngine(engine.binary, ["cp", `${folder}/.`, `${id}:/`], { timeoutMs: null });
  if (reply.ok) return;
  throw new MillraceError("unavailable", `${engine.kind} did not take the files of the job: ${reply.words}`);
}

/**
 * Copies `/outputs` of an ended container to the folder, anew; nothing is there when the job has made none. Throws an
 * OutputError for what can't be an output.
 */
export async function copyOut(engine: Engine, id: string, folder: string): Promise<void> {
  const target = join(folder, packageNames.outputs);
  await rm(target, { recursive: true, force: true });
  const copying = execa(engine.binary, ["cp", `${id}:${packagePaths.outputs}`, "-"], {
    buffer: false,
    reject: false,
    stdin: "ignore",
  });
  let complaint = "";
  copying.stderr.on("data", (piece: Buffer) => {
    complaint = (complaint + piece.toString()).slice(-KEPT_COMPLAINT_CHARS);
  });
  let failure: unknown;
  try {
    await unpackOutputs(copying.stdout, target);
  } catch (error) {
    failure = error;
    copying.kill();
  }
  const { failed } = await copying;
  if (failure instanceof OutputError) throw failure;
  if (failed && isMissing(complaint)) return await rm(target, { recursive: true, force: true });
  if (failed && failure === undefined) {
    throw new MillraceError(
      "unavailable",
      `${engine.kind} did not give the outputs: ${engineWords(complaint)}`,
    );
  }
  if (failure !== undefined) throw failure;
}

/** As docker and podman say that there is no such path; that there is no socket of a daemon is said much the same way. */
function isMissing(complaint: string): boolean {
  return /could not find the file \/outputs|\/outputs"? could not be found|\/outputs: no such file/i.test(
    complaint,
  );
}
