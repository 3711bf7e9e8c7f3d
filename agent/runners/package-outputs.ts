/** What a job of a package has made in its container, fetched before anybody hears how it ended. */
import { OutputError } from "../../shared/store/output-error.ts";
import { isHostTrouble } from "../core/host-trouble.ts";
import { copyOut } from "./container-files.ts";
import { type FollowingHost, patiently } from "./container-following.ts";
import type { Exit, Launch } from "./runner.ts";

/** The exit of an ended container, once its outputs are there if they are wanted; rejects when the engine is gone. */
export async function withOutputs(
  host: FollowingHost,
  id: string,
  packageRoot: Launch["packageRoot"],
  exit: Exit,
): Promise<Exit> {
  if (packageRoot === undefined || exit.kind !== "exited") return exit;
  const { folder, collects } = packageRoot;
  if (collects === "never" || (collects === "onSuccess" && exit.exitCode !== 0)) return exit;
  return await patiently(host, async () => {
    try {
      await copyOut(host.engine, id, folder);
      return exit;
    } catch (error) {
      if (error instanceof OutputError)
        return { kind: "badOutput", message: error.message, usage: exit.usage };
      if (isHostTrouble(error)) return { kind: "unknown", message: (error as Error).message };
      throw error;
    }
  });
}
