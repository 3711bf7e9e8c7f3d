import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRunFile, type RunFileReading } from "../../coordinator/readers/run-file.ts";
import { formatProblem, type Problem } from "../../coordinator/readers/source-text.ts";
import { graphSpecSchema } from "../../shared/model/job-spec.ts";
import { asJson, asYaml, runFile } from "./written-run-file.ts";

/** Many cases, on machines that do other things, too. */
const SLOW_TEST_MS = 60_000;

/** Lines to put into a job of a correct file, and what is wrong with them at which column of which line. */
const mistakes: readonly {
  readonly lines: string;
  readonly at: readonly [line: number, col: number];
  readonly says: RegExp;
}[] = [
  { lines: "    tiemout: 1m", at: [0, 5], says: /unknown key "tiemout"; did you mean "timeout"/ },
  { lines: "    timeout: 10", at: [0, 14], says: /duration with a unit/ },
  { lines: "    timeout: {run: 1m, queue: soon}", at: [0, 31], says: /timeout.queue: .*found "soon"/ },
  { lines: "    needs: [nowhere-at-all]", at: [0, 13], says: /which is no job/ },
  { lines: "    needs:\n      - victim", at: [1, 9], says: /needs itself/ },
  { lines: "    needs:\n      - partner\n      - {job: partner}", at: [2, 15], says: /same job twice/ },
  { lines: "    priority: high", at: [0, 15], says: /whole number from 0 to 1000/ },
  { lines: "    priority: 1\n    priority: 2", at: [1, 5], says: /duplicate key "priority"/ },
  { lines: "    env: {A: 1.10}", at: [0, 14], says: /in quotes/ },
  { lines: "    env:\n      A: x\n      A: y", at: [2, 7], says: /duplicate key "A"/ },
  { lines: "    env: {9A: x}", at: [0, 11], says: /not begin with a digit/ },
  { lines: "    outputs: [ok, /abs]", at: [0, 19], says: /must be relative/ },
  { lines: "    outputs: [a/../../b]", at: [0, 15], says: /\.\. leaves it/ },
  { lines: "    labels: []", at: [0, 13], says: /must be a map/ },
  { lines: "    resources: {memory: 10}", at: [0, 25], says: /size with a unit/ },
  { lines: "    retries: {max: 1, on: [fail]}", at: [0, 28], says: /must be one of/ },
  { lines: "    when: never", at: [0, 11], says: /must be one of success/ },
  { lines: "    allowFailure: 1", at: [0, 19], says: /true or false/ },
  { lines: '    network: ""', at: [0, 14], says: /must not be empty/ },
  { lines: "    image: [x]", at: [0, 12], says: /must be text; found a list/ },
  { lines: "    needs: {job: *none}", at: [0, 18], says: /no anchor &none/ },
  { lines: "    image: a: b", at: [0, 13], says: /expected "key: value"/ },
  { lines: "   image: a", at: [0, 4], says: /expected "key: value"/ },
];

describe("any broken file", () => {
  test("has each single mistake told at its line and column", () => {
    const jobBefore = fc.array(
      fc.constantFrom(
        "  j%: {run: x}",
        "  j%:\n    run: |\n      a: b\n      c",
        "  # comment",
        "",
        "  'j%':\r\n    run: x",
      ),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(jobBefore, fc.constantFrom(...mistakes), (before, { lines, at: [line, col], says }) => {
        const head = ["jobs:", ...before.map((job, index) => job.replace("%", String(index)))].join("\n");
        const text = `${head}\n  partner: {run: x}\n  victim:\n    run: x\n${lines}\n  after: {run: x}\n`;
        const reading = parseRunFile("f.yaml", text);
        const problems = problemsOf(reading);
        const lineOfMistake = head.split("\n").length + 4 + line;
        expect(problems.map(formatProblem)).toEqual([expect.stringMatching(says)]);
        expect(problems[0]).toMatchObject({ line: lineOfMistake, col });
      }),
      { numRuns: 600 },
    );
  });

  test("has several mistakes told in the order of the file", () => {
    const single = mistakes.filter(({ lines }) => !/\*none|a: b| {3}image: a$/.test(lines));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...single), { minLength: 2, maxLength: 10 }), (chosen) => {
        const jobs = chosen.map(
          ({ lines }, index) => `  j${index}:\n    run: x\n${lines.replaceAll("victim", `j${index}`)}`,
        );
        const reading = parseRunFile("f.yaml", `jobs:\n  partner: {run: x}\n${jobs.join("\n")}\n`);
        const problems = problemsOf(reading);
        expect(problems.map(({ message }) => message)).toEqual(
          chosen.map(({ says }) => expect.stringMatching(says)),
        );
      }),
      { numRuns: 100 },
    );
  });

  test.each(["f.yaml", "f.json"])(
    "never crashes the reader, and has its places inside the text (%s)",
    (file) => {
      const inserted = fc.oneof(
        fc.constantFrom(..."{}[]:,\"'\n\t-*&!|\0\u2028\ud800", "<<: ", "__proto__"),
        fc.string({ maxLength: 4 }),
      );
      const edit = fc.tuple(fc.nat(), fc.nat(6), inserted);
      fc.assert(
        fc.property(runFile, fc.array(edit, { minLength: 1, maxLength: 4 }), ({ pairs }, edits) => {
          let text = file.endsWith("json") ? asJson({ pairs }) : asYaml({ pairs });
          for (const [seed, removed, added] of edits) {
            const position = seed % (text.length + 1);
            text = text.slice(0, position) + added + text.slice(position + removed);
          }
          const reading = parseRunFile(file, text);
          if (reading.ok) {
            expect(graphSpecSchema.safeParse(reading.graph).error).toBeUndefined();
            return;
          }
          const lines = text.split(/\r\n|\r|\n/);
          expect(reading.problems.length).toBeGreaterThan(0);
          for (const { line, col, message } of reading.problems) {
            expect(message).not.toMatch(/undefined|\[object/);
            expect(lines.length).toBeGreaterThanOrEqual(line);
            expect(lines[line - 1]!.length + 1).toBeGreaterThanOrEqual(col);
          }
        }),
        { numRuns: 500 },
      );
    },
    SLOW_TEST_MS,
  );

  test(
    "is JSON to this reader exactly when it is to JSON.parse",
    () => {
      const marks = [...'{}[]:,"0-.e\\\n\t/\u0001\ufeff\u00a0', "//", "tru", "1.", "+1", "NaN"];
      const edit = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...marks));
      fc.assert(
        fc.property(runFile, edit, ({ pairs }, [seed, removed, added]) => {
          const whole = asJson({ pairs });
          const position = seed % (whole.length + 1);
          const text = whole.slice(0, position) + added + whole.slice(position + removed);
          const isRefused = problemsOf(parseRunFile("f.json", text)).some(({ message }) =>
            message.includes("not valid JSON"),
          );
          expect(isRefused, text).toBe(!isJson(text));
        }),
        { numRuns: 1000 },
      );
    },
    SLOW_TEST_MS,
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // That it throws is the answer.
    return false;
  }
}

function problemsOf(reading: RunFileReading): readonly Problem[] {
  return reading.ok ? [] : reading.problems;
}
