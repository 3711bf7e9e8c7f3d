/**
 * Each fixture says in it what is wrong: `#! message` in a line promises a problem of that line whose message begins
 * so, `#! line:col message` one at that very place. There must be these problems and no others.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseRunFile } from "../../../coordinator/readers/run-file.ts";

const folder = new URL("../../fixtures/run-files/broken/", import.meta.url);

interface Promised {
  readonly line: number;
  readonly col: number | undefined;
  readonly message: string;
}

function promisedIn(text: string): Promised[] {
  return text.split("\n").flatMap((content, index) =>
    content
      .split("#! ")
      .slice(1)
      .map((promise): Promised => {
        const [, line, col, message] = /^(?:(\d+):(\d+) )?(.*?)\s*$/.exec(promise)!;
        if (line === undefined) return { line: index + 1, col: undefined, message: message! };
        return { line: Number(line), col: Number(col), message: message! };
      }),
  );
}

test.each(readdirSync(folder).sort())("tells every mistake in %s at its place", (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  const reading = parseRunFile(name, text);
  const found = reading.ok ? [] : reading.problems;
  const promised = promisedIn(text);
  const report = found.map(({ line, col, message }) => `${line}:${col} ${message}`).join("\n");
  expect(promised.length).toBeGreaterThan(0);
  for (const { line, col, message } of promised) {
    const isKept = found.some(
      (problem) =>
        problem.line === line &&
        (col === undefined || problem.col === col) &&
        problem.message.startsWith(message),
    );
    expect(isKept, `${line}:${col ?? "*"} ${message}\nfound:\n${report}`).toBe(true);
  }
  expect(found.length, report).toBe(promised.length);
});
