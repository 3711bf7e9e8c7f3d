import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandUser } from "../support/command.ts";
import { startTestDocker } from "../support/docker.ts";
import { makeBusyboxImage } from "../support/image.ts";
import { triedHostLayout } from "../support/tried-host-layout.ts";

/** Two names of one image: a build on both makes the same twice. */
const images = ["millrace-test/build-one:1", "millrace-test/build-two:1"] as const;
const docker = await startTestDocker();
const hostLayout = await triedHostLayout();
afterAll(async () => docker?.stop());

const files: Readonly<Record<string, string>> = {
  "config.toml": `compatibility = 1
shebang = "#!/bin/sh -e"
available_phases = ["build"]
staging = "staging"
[docker]
images = [{ name = "${images[0]}", short_name = "one" }, { name = "${images[1]}", short_name = "two" }]
`,
  "pkg.toml": `[phases]
build.script = '''
  mkdir /outputs
  {{progress 50}}
  cat /patches/*/* /inputs/* > "/outputs/{{this.name}}-{{this.version}}.pkg" 2>/dev/null || true
  echo "{{this.name}} $CHANNEL" >> "/outputs/{{this.name}}-{{this.version}}.pkg"
  {{state "OK"}}
'''
`,
  "lib/pkg.toml": 'name = "lib"\nversion = "1"\npatches = ["fix.patch"]\nenvironment.CHANNEL = "stable"\n',
  "lib/fix.patch": "fixed\n",
  "app/pkg.toml": `name = "app"
version = "2"
denied_images = ["${images[1]}"]
[dependencies]
build = ["lib =1"]
`,
};

describe.skipIf(docker === undefined)("a build in containers", () => {
  beforeAll(async () => {
    if (docker !== undefined) for (const image of images) await makeBusyboxImage(docker, image);
  });

  async function withRepository(): Promise<CommandUser> {
    const user = await CommandUser.create();
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(user.folder, path)), { recursive: true });
      await writeFile(join(user.folder, path), text);
    }
    return user;
  }

  it("gives each package the files of those it needs, and remembers how all came to be", async () => {
    await using user = await withRepository();
    const { status, stdout, stderr } = await user.run("build", "app", "--image", "one", "-E", "CHANNEL=beta");
    expect(status, stderr).toBe(0);
    const paths = stdout.trimEnd().split("\n");
    expect(paths.map((path) => path.split("/").at(-1))).toEqual(["app-2.pkg", "lib-1.pkg"]);
    expect(await readFile(paths[0]!, "utf8")).toBe("fixed\nlib stable\napp beta\n");
    const packages = join(dirname(paths[0]!), ".millrace/packages/app/2");
    const [provenance] = await readdir(packages);
    expect(JSON.parse(await readFile(join(packages, provenance!), "utf8"))).toMatchObject({
      package: { name: "app", version: "2" },
      image: images[0],
      ranOn: { image: expect.stringMatching(/^sha256:/) },
      environment: [["CHANNEL", "beta"]],
      inputs: [{ package: { name: "lib", version: "1" } }],
      graph: expect.stringMatching(/^[0-9a-f]{64}$/),
      script: { text: expect.stringMatching(/^#!\/bin\/sh -e\n/) },
    });
  }, 120_000);

  it("builds what may be built on several images in one run, each in a folder of its own", async () => {
    await using user = await withRepository();
    const refused = await user.run("build", "app", "-I", "one", "-I", "two");
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(
      `app/pkg.toml:3:17: app 2 can't be built in ${images[1]}: its denied_images have ${images[1]}`,
    );
    const { status, stdout, stderr } = await user.run("build", "--all", "-I", "one", "-I", "two");
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(`left out, as ${images[1]} is not for them: app 2`);
    const staged = stdout.trimEnd().split("\n");
    expect(staged.map((path) => path.split("/").slice(-2).join("/"))).toEqual([
      "millrace-test%2Fbuild-one%3A1/app-2.pkg",
      "millrace-test%2Fbuild-one%3A1/lib-1.pkg",
      "millrace-test%2Fbuild-two%3A1/lib-1.pkg",
    ]);
  }, 120_000);

  it.skipIf(hostLayout.kind === "refused")(
    "goes on where no engine answers, says so, and takes nothing for its own that was made elsewhere",
    async () => {
      await using user = await withRepository();
      const fallingBack = "no agent has a container engine: jobs run on the host";
      /** Where the artifact was made that was staged, and by which run. */
      const build = async (environment: NodeJS.ProcessEnv = {}) => {
        const result = await user.start(["build", "lib", "--image", "one"], environment).ended;
        expect(result.status, result.stderr).toBe(0);
        expect(result.stderr.includes(fallingBack)).toBe(environment.MILLRACE_CONTAINER_ENGINE === "none");
        const packages = join(dirname(result.stdout.trim()), ".millrace/packages/lib/1");
        const [provenance = ""] = await readdir(packages);
        const { made, ranOn } = JSON.parse(await readFile(join(packages, provenance), "utf8"));
        return { run: /run (\S+) succeeded/.exec(result.stderr)?.[1], madeIn: made.run, ranOn };
      };
      const inContainer = await build();
      expect(inContainer).toMatchObject({ madeIn: inContainer.run, ranOn: { image: expect.any(String) } });
      const onHost = await build({ MILLRACE_CONTAINER_ENGINE: "none" });
      expect(onHost).toMatchObject({ madeIn: onHost.run, ranOn: { host: expect.any(String) } });
      const why = await user.run("explain", "last", `lib 1 (${images[0]})`);
      expect(why.stdout).toContain("it runs on the host now");
      expect(await build()).toMatchObject({ madeIn: inContainer.run, ranOn: inContainer.ranOn });
      const again = await build({ MILLRACE_CONTAINER_ENGINE: "none" });
      expect(again).toMatchObject({ madeIn: onHost.run, ranOn: onHost.ranOn });
    },
    240_000,
  );
});
