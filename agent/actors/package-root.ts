/** What of an attempt's place belongs to the layout `package`. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { JobRequest } from "../../shared/model/messages.ts";
import { OutputError } from "../../shared/store/output-error.ts";
import { packageNames, packagePaths } from "../runners/package-paths.ts";
import type { PackageLayers, PackageRoot } from "../runners/runner.ts";
import type { Place } from "../workspaces/place.ts";

/** What of a request, or of an attempt's record, says how it is laid out. */
type Laid = Pick<JobRequest["spec"], "layout" | "outputs" | "marks">;

/** Undefined in the layout `workspace`. */
export function packageRootOf(
  { layout, outputs, marks }: Laid,
  place: Place,
  layers?: Omit<PackageLayers, "overlay">,
): PackageRoot | undefined {
  if (layout !== "package") return undefined;
  const root = {
    folder: place.packageRoot,
    layers: layers && { ...layers, overlay: place.overlay },
  };
  if (outputs.length === 0) return { ...root, collects: "never" };
  return { ...root, collects: marks?.verdict === "marks" ? "onExit" : "onSuccess" };
}

/** Where the text of a program goes. */
export function programIn(layout: Laid["layout"], place: Place): string {
  return layout === "package" ? join(place.packageRoot, packageNames.script) : place.program;
}

/** The folder that outputs are looked for in; throws an OutputError where a job of a package has made something else. */
export function outputFolder({ layout, outputs }: Pick<Laid, "layout" | "outputs">, place: Place): string {
  if (layout !== "package") return place.work;
  const folder = join(place.packageRoot, packageNames.outputs);
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) throw new OutputError("missingOutput", `it has not made ${packagePaths.outputs}`);
  if (!found.isDirectory()) throw new OutputError("badOutput", `${packagePaths.outputs} is no folder`);
  // The folder itself, as it is, may have been asked for.
  if (!outputs.includes(".") && readdirSync(folder).length === 0)
    throw new OutputError("missingOutput", `it has put nothing into ${packagePaths.outputs}`);
  return folder;
}
