import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { confirm } from "../../../coordinator/cli/question.ts";

const neverInterrupted = { signal: new AbortController().signal };

/** Somebody at a terminal who types this, and what was shown there. */
function personWho(types: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = new PassThrough();
  input.write(types);
  return { input, output };
}

it.each([
  ["y\n", true],
  ["YES\n", true],
  ["n\n", false],
  ["\n", false],
  ["yellow\n", false],
])("takes %j for an answer", async (types, isAgreed) => {
  const person = personWho(types);
  expect(await confirm("Remove it?", neverInterrupted, person)).toBe(isAgreed);
  expect(person.output.read().toString()).toBe("Remove it? [y/N] ");
});

it("does not ask where nobody can answer", async () => {
  const pipe = { input: new PassThrough(), output: new PassThrough() };
  await expect(confirm("Remove it?", neverInterrupted, pipe)).rejects.toMatchObject({
    code: "badInput",
    fix: expect.stringContaining("--non-interactive"),
  });
});

it("stops asking when it is interrupted", async () => {
  const interruption = new AbortController();
  const answer = confirm("Remove it?", interruption, personWho(""));
  interruption.abort(new Error("enough"));
  await expect(answer).rejects.toThrow();
});
