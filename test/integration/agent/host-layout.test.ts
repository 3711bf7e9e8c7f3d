import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { enterRoot, type HostUser } from "../../../agent/runners/host-layout.ts";

const nobody: HostUser = { uid: 65_534, gid: 65_534 };
const isPossible =
  process.getuid?.() === 0 &&
  (
    await execa("/usr/bin/unshare", ["--user", "--map-root-user", "--mount", "true"], {
      ...nobody,
      reject: false,
    })
  ).exitCode === 0;
if (!isPossible) process.stderr.write("note: skipped: no other user can have namespaces here\n");

describe.skipIf(!isPossible).each([
  { where: "in a folder of copies", isLayered: false },
  { where: "over layers that others see, too", isLayered: true },
])("a job of a package of an agent that is not root, $where", ({ isLayered }) => {
  let parent: string;
  let folder: string;
  let control: string;
  let inputs: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "millrace-layout-"));
    [folder, control] = [join(parent, "root"), join(parent, "control")];
    inputs = join(isLayered ? join(parent, "layers/1") : folder, "inputs");
    for (const path of [folder, control, inputs]) mkdirSync(path, { recursive: true });
  });
  afterEach(() => {
    rmSync(parent, { recursive: true, force: true });
  });

  /** What the job prints. */
  async function run(script: string): Promise<string> {
    const layers = { folder: join(parent, "layers"), names: ["1"], overlay: join(parent, "overlay") };
    const root = { folder, layers: isLayered ? layers : undefined };
    const [program = "", ...words] = enterRoot(root, control, nobody);
    execFileSync("chown", ["-R", `${nobody.uid}:${nobody.gid}`, parent]);
    const { all } = await execa(program, [...words, "/bin/sh", "-ec", script], {
      ...nobody,
      all: true,
      reject: false,
    });
    return all;
  }

  test("is its user, and makes what it likes at the top of what it sees", async () => {
    expect(await run("id -u; mkdir /outputs /build; echo made >/outputs/a")).toBe(String(nobody.uid));
    expect(readFileSync(join(folder, "outputs/a"), "utf8")).toBe("made\n");
  });

  test("unpacks archives that others have packed, and copies files of the host", async () => {
    writePacked(join(inputs, "src.source"));
    expect(await run("cd /inputs; tar -xf src.source; cp -a /etc/passwd copy; ls")).toBe(
      "copy\nmine\nsrc.source",
    );
  });

  /** An archive with a file of a user whom nobody else knows. */
  function writePacked(archive: string): void {
    execFileSync("sh", ["-ec", "echo x >mine; chown 1234:1234 mine; tar -cf packed mine; rm mine"], {
      cwd: parent,
    });
    execFileSync("mv", [join(parent, "packed"), archive]);
  }
});
