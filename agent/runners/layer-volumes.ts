/**
 * Layers of a package in a container: a volume for `/inputs` and one for `/patches`, each an overlay that the engine makes
 * when the container starts and takes away with it. What the job changes comes into folders of its own place.
 *
 * The engine's daemon has to be root on this host, and the agent, too: it removes what the job has written as root. And
 * the daemon takes options as one text, in which not all paths can stand.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeOpenFolder } from "../workspaces/folder-tree.ts";
import type { Engine } from "./engine.ts";
import type { HostLayout } from "./host-layout.ts";
import { packageNames, packagePaths } from "./package-paths.ts";
import type { PackageLayers, PackageRoot } from "./runner.ts";

const folders = ["inputs", "patches"] as const;
/** All names of a job's layers have to fit into the page that the kernel takes. */
const MAX_FOLDER_CHARS = 200;

/** Whether containers can have layers that lie in a work folder. */
export function takesLayers(engine: Engine | undefined, host: HostLayout, workFolder: string): boolean {
  if (engine?.laysOver !== true || process.getuid?.() !== 0) return false;
  const isPlain = /^[\w./-]+$/.test(workFolder) && workFolder.length <= MAX_FOLDER_CHARS;
  return isPlain && host.kind === "possible" && host.layers;
}

/** The options of `create` for them. */
export function layerVolumes(layers: PackageLayers): string[] {
  return folders.flatMap((folder) => {
    const lower = layers.names.filter((name) => name.startsWith(`${folder}-`));
    if (lower.length === 0) return [];
    const paths = lower.map((name) => join(layers.folder, name, folder));
    const { upper, work } = own(layers, folder);
    const options = `lowerdir=${paths.join(":")},upperdir=${upper},workdir=${work}`;
    const driver = "volume-driver=local,volume-opt=type=overlay,volume-opt=device=millrace";
    return ["--mount", `type=volume,dst=${packagePaths[folder]},${driver},"volume-opt=o=${options}"`];
  });
}

/** Makes the folders that a container needs for its layers, and empty ones where it has no layer. */
export function makeVolumeFolders({ folder: root, layers }: PackageRoot): void {
  if (layers === undefined) return;
  mkdirSync(layers.overlay);
  for (const folder of folders) {
    const { upper, work } = own(layers, folder);
    for (const path of [upper, work, join(root, packageNames[folder])]) makeOpenFolder(path);
  }
}

function own({ overlay }: PackageLayers, folder: string): { readonly upper: string; readonly work: string } {
  return { upper: join(overlay, folder), work: join(overlay, `${folder}-work`) };
}
