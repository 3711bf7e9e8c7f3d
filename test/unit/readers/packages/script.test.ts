import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PackageRepository } from "../../../../coordinator/readers/packages/repository.ts";
import { openRepository } from "../../../../coordinator/readers/packages/repository.ts";
import { ScriptRenderer } from "../../../../coordinator/readers/packages/script.ts";
import { placedMistake } from "../../../../coordinator/readers/packages/script-places.ts";
import { formatProblem } from "../../../../coordinator/readers/source-text.ts";
import { butidoExamples } from "../../../support/butido-examples.ts";
import { repositoryOf, smallConfig } from "../../../support/package-repository.ts";

function scriptOf({ config, packages }: PackageRepository, name: string): string {
  const rendering = new ScriptRenderer(config).render(packages.find((item) => item.name === name)!);
  if (!rendering.ok) throw new Error(rendering.mistake.message);
  return rendering.script;
}

describe("the script of a package", () => {
  test("has the shebang and the phases in their order, without indentation", async () => {
    const repository = await repositoryOf({
      "config.toml": smallConfig.replace('["build"]', '["check", "none", "build"]'),
      "a/pkg.toml": `name = "a"
version = "1"
[phases]
check.script = '''
    if true; then
      echo {{this.version}}

    fi
'''
build.script = "make"
`,
    });
    expect(scriptOf(repository, "a")).toBe(`#!/bin/bash
### phase check
if true; then
  echo 1

fi

### / check phase

# No script for phase: none
### phase build
make
### / build phase

`);
  });

  test("sees the whole package, keys in order, absent ones not at all", async () => {
    const repository = await repositoryOf({
      "a/pkg.toml": `name = "a"
version = "1"
patches = ["p"]
denied_images = ["x", "y"]
[sources.src]
url = "https://example.com"
hash = { type = "sha1", hash = "00" }
[dependencies]
build = ["b =1", { name = "c =1", condition = { has_env = "A" } }]
[environment]
B = "2"
A = "1"
[phases]
build.script = '''
{{name}} {{version_is_semver}} {{patches}} {{denied_images}} {{#if allowed_images}}some{{else}}any{{/if}}
{{#each sources}}{{@key}} {{this.url}} {{this.hash.type}} {{this.download_manually}}{{/each}}
{{#each environment}}{{@key}}={{this}} {{/each}}{{#if meta}}{{else}}no meta{{/if}}
{{#each dependencies.build}}{{#if this.condition}}{{this.name}} if {{this.condition.has_env}}{{else}}{{this}}, {{/if}}{{/each}}
{{len phases.build.script}}'''
`,
      "a/p": "",
    });
    expect(scriptOf(repository, "a").split("\n").slice(2, 6)).toEqual([
      "a false [a/p] [x, y] any",
      "src https://example.com/ sha1 false",
      "A=1 B=2 no meta",
      "b =1, c =1 if A",
    ]);
  });

  test.each([
    ["'''\n    echo\n    echo {{this.gone}}\n'''", "4:12"],
    ["'''echo {{this.gone}}'''", "2:26"],
    ['"echo {{this.gone}}"', "2:24"],
    ['"""\necho\n\t{{this.gone}}"""', "4:4"],
  ])("has its mistakes told where they are written: %j", async (text, place) => {
    const repository = await repositoryOf({
      "pkg.toml": `[phases]\nbuild.script = ${text}\n`,
      "a/pkg.toml": 'name = "a"\nversion = "1"\n',
    });
    expect(await mistakeOf(repository)).toBe(`pkg.toml:${place}: phase "build": a 1: this.gone is not there`);
  });

  test("has a mistake of a phase in a file of its own told in that file", async () => {
    const repository = await repositoryOf({
      "pkg.toml": "[phases]\nbuild.script = 'echo {{this.gone}}'\n",
      "a/pkg.toml": 'name = "a"\nversion = "1"\nphases.build.path = "../scripts/build.sh"\n',
      "scripts/build.sh": "  echo\n\n  echo {{this.lost}}\n",
    });
    expect(await mistakeOf(repository)).toBe(
      'scripts/build.sh:3:10: phase "build": a 1: this.lost is not there',
    );
  });

  async function mistakeOf(repository: PackageRepository): Promise<string> {
    const item = repository.packages[0]!;
    const rendering = new ScriptRenderer(repository.config).render(item);
    if (rendering.ok) throw new Error("this script has a mistake");
    return formatProblem(await placedMistake(repository, item, rendering.mistake));
  }

  test("takes what is missing for nothing where the configuration says so", async () => {
    const repository = await repositoryOf({
      "config.toml": `strict_script_interpolation = false\n${smallConfig}`,
      "a/pkg.toml": 'name = "a"\nversion = "1"\nphases.build.script = "x{{this.gone}}y"',
    });
    expect(scriptOf(repository, "a")).toContain("\nxy\n");
  });
});

describe.skipIf(butidoExamples === undefined)("butido's example repository", () => {
  test("renders every script, the patched one with its patches", async () => {
    const repository = await openRepository({
      root: join(butidoExamples!, "repo"),
      environment: { XDG_CONFIG_HOME: "/nowhere" },
    });
    for (const { name } of repository.packages)
      expect(scriptOf(repository, name)).toMatch(/^#!\/bin\/bash\n/);
    const script = scriptOf(repository, "s");
    expect(script).toContain(`### phase patchcheck
        if [[ ! -e "/patches/s/19.0/foo.patch" ]]; then
            echo "Does not exist: /patches/s/19.0/foo.patch"
            echo '#BUTIDO:STATE:ERR:Missing patch'
            exit 1
        fi
        if [[ ! -e "/patches/s/19.0/s190.patch" ]]; then`);
    expect(scriptOf(repository, "a")).toContain(`exp_sha="$(echo b =2 | sed 's,.*\\ =,,' |`);
  });
});
