import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CommandUser } from "../support/command.ts";

it("millrace retry runs on this machine what failed, and copies the artifacts of the whole run", async () => {
  await using user = await CommandUser.create();
  const ok = join(user.folder, "ok");
  const jobs = {
    make: { run: `echo x >> ${join(user.folder, "made")}; echo made > file; echo log`, outputs: ["file"] },
    test: { needs: ["make"], run: `test -e ${ok}` },
    pack: { needs: ["test", "make"], run: 'cp "$MILLRACE_INPUTS"/make/file packed', outputs: ["packed"] },
  };
  await writeFile(join(user.folder, "build.json"), JSON.stringify({ jobs }));
  expect((await user.run("run", "build.json", "--no-out")).status).toBe(1);
  await writeFile(ok, "");
  const retried = await user.run("retry", "last");
  expect(retried, retried.stderr).toMatchObject({ status: 0 });
  expect(await readFile(join(user.folder, "made"), "utf8")).toBe("x\n");
  for (const path of ["make/file", "pack/packed"]) {
    expect(await readFile(join(user.folder, "out", path), "utf8")).toBe("made\n");
  }
  expect((await user.run("logs", "last", "make")).stdout).toBe("log\n");
  expect((await user.run("explain", "last", "make")).stdout).toContain("was carried over");
  const again = await user.run("retry", "last");
  expect(`${again.status} ${again.stderr}`).toMatch(/^2 millrace: nothing of run \S+ failed/);
  const detached = await user.run("retry", "--detach", "last");
  expect(`${detached.status} ${detached.stderr}`).toMatch(/^2 millrace: --detach needs a server/);
});
