import { expect, test } from "vitest";
import { globProblem, plainGlob } from "../../../shared/model/glob-pattern.ts";

test.each(["a", "*.o", "out/**", "a..b", ".hidden", "..a/b", "a/{b,c}/*.[ch]", "dir/"])(
  "accepts %j",
  (glob) => {
    expect(globProblem(glob)).toBeUndefined();
  },
);

test.each(["", "/etc/passwd", "..", "../x", "a/../../b", "a/..", "{..,a}/x", "\\.\\./x", "a\0b"])(
  "refuses %j",
  (glob) => {
    expect(globProblem(glob)).toMatch(/^must /);
  },
);

test("takes a leading ./ away and nothing else", () => {
  expect(plainGlob("././a/./b")).toBe("a/./b");
  expect(plainGlob("./")).toBe("./");
  expect(plainGlob(".//")).toBe(".//");
  expect(plainGlob(".//a")).toBe("a");
  expect(plainGlob(".a")).toBe(".a");
});
