/** Frees the disk space under a part of a file that is still being written, without changing any offset in it. */
import { spawn } from "node:child_process";

/** Best effort: without `fallocate`, or on a file system without holes, the space stays used until the file goes. */
export function punch(path: string, from: number, to: number): Promise<void> {
  return new Promise((resolve) => {
    const args = ["--punch-hole", "--offset", String(from), "--length", String(to - from), path];
    const child = spawn("fallocate", args, { stdio: "ignore" });
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
}
