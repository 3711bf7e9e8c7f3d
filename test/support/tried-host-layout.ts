import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostLayout, tryHostLayout } from "../../agent/runners/host-layout.ts";

/** Whether jobs without a container can have the layout of packages on this machine. */
export async function triedHostLayout(): Promise<HostLayout> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-trial-"));
  try {
    return await tryHostLayout(join(folder, "trial"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
