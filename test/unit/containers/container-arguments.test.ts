import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ContainerPlan, createArguments } from "../../../agent/runners/container-arguments.ts";
import type { Engine } from "../../../agent/runners/engine.ts";
import type { Launch } from "../../../agent/runners/runner.ts";

const docker: Engine = {
  kind: "docker",
  binary: "/docker",
  version: "docker 1",
  userOptions: ["--user=1:2"],
  rootOptions: ["--user=0:0"],
  laysOver: false,
};

function argumentsOf(launch: Partial<Launch>, plan: Partial<ContainerPlan> = {}, engine = docker): string[] {
  return createArguments(engine, {
    launch: {
      attempt: "r1/7/2/lease",
      command: { argv: ["prog", "arg"] },
      image: "img",
      network: undefined,
      environment: [],
      workspace: "/w",
      inputs: undefined,
      sources: undefined,
      program: "/p",
      packageRoot: undefined,
      control: "/c",
      log: "/l",
      cpu: undefined,
      memoryBytes: undefined,
      ...launch,
    },
    image: "img",
    agent: "a",
    folder: "/f",
    launchFolder: "/c/container",
    wrapped: true,
    processors: 4,
    ...plan,
  });
}

function valuesOf(option: string, args: readonly string[]): string[] {
  return args.filter((_, i) => args[i - 1] === option);
}

describe("the arguments of a container", () => {
  test("lay the layers of a package over each other, for inputs and for patches", () => {
    const layers = {
      folder: "/f/layers",
      names: ["inputs-2", "patches-3", "inputs-1"],
      overlay: "/f/attempts/1/overlay",
    };
    const args = argumentsOf({ packageRoot: { folder: "/f/attempts/1/package", layers, collects: "never" } });
    const volume = (target: string, options: string) =>
      `type=volume,dst=${target},volume-driver=local,volume-opt=type=overlay,volume-opt=device=millrace,"volume-opt=o=${options}"`;
    const own = "/f/attempts/1/overlay";
    expect(valuesOf("--mount", args).slice(0, 2)).toEqual([
      volume(
        "/inputs",
        `lowerdir=/f/layers/inputs-2/inputs:/f/layers/inputs-1/inputs,upperdir=${own}/inputs,workdir=${own}/inputs-work`,
      ),
      volume(
        "/patches",
        `lowerdir=/f/layers/patches-3/patches,upperdir=${own}/patches,workdir=${own}/patches-work`,
      ),
    ]);
  });

  test("hand the command to the wrapper word by word", () => {
    const args = argumentsOf({ command: { argv: ["prog", "", "--flag", "a b"] } });
    expect(args).toContain("--entrypoint=/bin/sh");
    expect(args.slice(args.indexOf("--"))).toEqual([
      "--",
      "img",
      "/millrace/launch/wrapper",
      "prog",
      "",
      "--flag",
      "a b",
    ]);
  });

  test("start the command itself in an image without a shell", () => {
    const args = argumentsOf({}, { wrapped: false });
    expect(args).toContain("--entrypoint=prog");
    expect(args.slice(args.indexOf("--"))).toEqual(["--", "img", "arg"]);
    expect(valuesOf("--mount", args)).toHaveLength(1);
  });

  test("run a script with sh -e", () => {
    const args = argumentsOf({ command: { script: "echo" } });
    expect(args.slice(-3)).toEqual(["/bin/sh", "-e", "/millrace/launch/script"]);
  });

  test("limit memory and swap alike, and processors to what there is", () => {
    expect(argumentsOf({ memoryBytes: 1024 })).toEqual(
      expect.arrayContaining(["--memory=1024", "--memory-swap=1024"]),
    );
    expect(argumentsOf({ cpu: 1.5 })).toContain("--cpus=1.5");
    expect(argumentsOf({ cpu: 99 })).toContain("--cpus=4");
    expect(argumentsOf({ cpu: 0.0001 })).toContain("--cpus=0.01");
    expect(argumentsOf({}).join(" ")).not.toMatch(/--memory|--cpus|--network/);
  });

  test("set the places of a container over what a job's environment says", () => {
    const args = argumentsOf({ inputs: "/i", environment: [["MILLRACE_INPUTS", "/etc"]] });
    const inputs = valuesOf("--env", args).filter((variable) => variable.startsWith("MILLRACE_INPUTS="));
    expect(inputs.at(-1)).toBe("MILLRACE_INPUTS=/millrace/inputs");
  });

  test("mount inputs and sources read-only", () => {
    const mounts = valuesOf("--mount", argumentsOf({ inputs: "/i", sources: "/s" }));
    expect(mounts.filter((mount) => mount.endsWith(",readonly"))).toEqual([
      'type=bind,"source=/i",target=/millrace/inputs,readonly',
      'type=bind,"source=/s",target=/millrace/source,readonly',
    ]);
  });

  test("carry any path through the comma-separated form of a mount", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (name) => {
        const [mount = ""] = valuesOf("--mount", argumentsOf({ workspace: `/${name}` }));
        expect(fieldsOf(mount)).toEqual(["type=bind", `source=/${name}`, "target=/workspace"]);
      }),
    );
  });

  test("never let a job's words become options of the engine", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), fc.string({ minLength: 1 }), (argv, image) => {
        const plain = argumentsOf({});
        const args = argumentsOf({ command: { argv } }, { image });
        expect(args.slice(0, args.indexOf("--"))).toEqual(plain.slice(0, plain.indexOf("--")));
      }),
    );
  });
});

/** One record of CSV as RFC 4180 has it. */
function fieldsOf(record: string): string[] {
  const fields = record.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return fields.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}
