import { describe, expect, it } from "vitest";
import { choosePackages } from "../../../../coordinator/readers/packages/package-choice.ts";
import { versionConstraint } from "../../../../coordinator/readers/packages/version-constraint.ts";

const packages = [
  { name: "curl", version: "8.1" },
  { name: "zlib", version: "1.2" },
  { name: "zlib", version: "1.2.7" },
  { name: "zlib", version: "1.20" },
  { name: "zlib", version: "9b" },
];

const versions = (constraint: string): string[] =>
  choosePackages(packages, { name: "zlib", version: constraint }).map(({ version }) => version);

describe("the choice of packages", () => {
  it("is all of them when nothing is asked for", () => {
    expect(choosePackages(packages, {})).toEqual(packages);
  });

  it("takes a version as the start of one, and with = as the whole of one", () => {
    expect(versions("1.2")).toEqual(["1.2", "1.2.7"]);
    expect(versions("=1.2")).toEqual(["1.2"]);
    expect(versions("9b")).toEqual(["9b"]);
  });

  it("goes by a pattern on names", () => {
    expect(choosePackages(packages, { matching: /^c/ }).map(({ name }) => name)).toEqual(["curl"]);
  });

  it("tells what there is instead of what there is not", () => {
    expect(() => choosePackages(packages, { name: "zlb" })).toThrow('did you mean "zlib"?');
    expect(() => versions("2")).toThrow(
      expect.objectContaining({ code: "notFound", fix: "Its versions are 1.2, 1.2.7, 1.20, 9b." }),
    );
  });

  it.each([">1", "<2", "^1", "~1", "*"])("refuses %s, which butido has not got either", (constraint) => {
    expect(() => versionConstraint(constraint)).toThrow("is no constraint");
  });
});
