/** Package repositories on disk for tests: files by path, in a folder that goes away with the test. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { openRepository, type PackageRepository } from "../../coordinator/readers/packages/repository.ts";

/** A configuration with one image and one phase, as small as can be. */
export const smallConfig = `compatibility = 1
available_phases = ["build"]
[docker]
images = [{ name = "debian:bullseye", short_name = "deb11" }]
[containers]
check_env_names = true
allowed_env = ["DEBUG"]
`;

/** The file that packages of tests have in common. */
export const smallRoot = `version_is_semver = false
patches = []
[sources]
[dependencies]
build = []
runtime = []
[phases]
build.script = "mkdir /outputs; touch /outputs/{{this.name}}-{{this.version}}.pkg"
`;

/** Thousands of folders may take a disk that is busy otherwise longer than a hook usually has. */
const REMOVAL_MS = 120_000;

/** Writes files into a folder of their own; gives its path. */
export async function writeFiles(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "millrace-packages-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }), REMOVAL_MS);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

/** Writes a repository: files over the small configuration and the common file. */
export async function writeRepository(files: Readonly<Record<string, string>>): Promise<string> {
  return await writeFiles({ "config.toml": smallConfig, "pkg.toml": smallRoot, ...files });
}

/** The repository of these files, read; its folder is called `.` in messages. */
export async function repositoryOf(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<PackageRepository> {
  const root = await writeRepository(files);
  return await openRepository({
    root,
    shownRoot: ".",
    environment: { XDG_CONFIG_HOME: root, ...environment },
  });
}
