import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attemptRef, type JobRequest, type ReportItem } from "../../../shared/model/messages.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type AgentScene, eachInItsScene, scriptRequest as script } from "./agent-scene.ts";

let scene: AgentScene;

eachInItsScene("marks", { storage: "memory" }, (opened) => {
  scene = opened;
});

function marked(text: string, verdict: "both" | "marks" = "both"): JobRequest {
  return script(text, { marks: { verdict } });
}

async function answerTo(request: JobRequest): Promise<ReportItem> {
  scene.coordinator.order({ kind: "start", request });
  return await scene.coordinator.answerOf(request.lease);
}

function progressOf({ lease }: JobRequest): (readonly [string | null, number | null])[] {
  return scene.coordinator.items.flatMap((item) =>
    item.kind === "progress" && item.lease === lease ? [[item.phase, item.percent] as const] : [],
  );
}

const succeeded = { result: { outcome: { kind: "succeeded" } } };
const failed = (message: string) => ({
  result: { outcome: { kind: "failed", reason: "badOutput", message } },
});

test("both exit status and marks decide, or marks alone", async () => {
  await scene.start();
  const says = (text: string, status: number) => `echo '#BUTIDO:STATE:${text}'; exit ${status}`;
  expect(await answerTo(marked(says("OK", 0)))).toMatchObject(succeeded);
  expect(await answerTo(marked(says("ERR:no compiler", 0)))).toMatchObject(
    failed("its log says: no compiler"),
  );
  expect(await answerTo(marked(says("ERR:no compiler", 2)))).toMatchObject(
    failed("its log says: no compiler (exit status 2)"),
  );
  expect(await answerTo(marked(says("OK", 3)))).toMatchObject({
    result: { outcome: { kind: "failed", reason: "exit", exitCode: 3 } },
  });
  expect(await answerTo(marked(says("OK", 3), "marks"))).toMatchObject(succeeded);
  expect(await answerTo(marked(says("ERR:x", 0), "marks"))).toMatchObject(failed("its log says: x"));
});

test("a success that no mark tells of is implicit", async () => {
  await scene.start();
  expect(await answerTo(marked("true"))).toMatchObject({ ...succeeded, implicit: true });
  expect(await answerTo(marked("exit 3", "marks"))).toMatchObject({ ...succeeded, implicit: true });
  expect(await answerTo(marked("echo '#BUTIDO:STATE:OK'"))).not.toHaveProperty("implicit");
  expect(await answerTo(script("true"))).not.toHaveProperty("implicit");
});

test("bytes that are no UTF-8 end nothing, and a mark in the last line needs no end of line", async () => {
  await scene.start();
  const request = marked(
    "printf '\\377\\376\\n#BUTIDO:PHASE:caf\\351\\n\\377#BUTIDO:STATE:ERR:no\\n#BUTIDO:STATE:OK'",
  );
  const answer = await answerTo(request);
  expect(answer).toMatchObject(succeeded);
  expect(answer).not.toHaveProperty("implicit");
  expect(progressOf(request)).toEqual([["caf\ufffd", null]]);
});

test("progress is told while it runs, seldom, and the last of it with the end", async () => {
  await scene.start();
  const go = join(scene.folder, "go");
  const request = marked(
    `echo '#BUTIDO:PHASE:build'; echo '#BUTIDO:PROGRESS:1'; until [ -e ${go} ]; do sleep 0.02; done
    i=1; while [ $i -lt 60 ]; do i=$((i+1)); echo "#BUTIDO:PROGRESS:$i"; sleep 0.02; done
    echo '#BUTIDO:PHASE:pack'`,
  );
  scene.coordinator.order({ kind: "start", request });
  await waitUntil("its first progress is told", () => progressOf(request).length > 0);
  expect(progressOf(request)[0]?.[0]).toBe("build");
  writeFileSync(go, "");
  await scene.coordinator.answerOf(request.lease);
  expect(progressOf(request).at(-1)).toEqual(["pack", 60]);
  expect(progressOf(request).length).toBeLessThan(8);
  const kinds = scene.coordinator.items
    .filter(({ lease }) => lease === request.lease)
    .map(({ kind }) => kind);
  expect(kinds[0]).toBe("started");
  expect(kinds.at(-1)).toBe("finished");
});

test("a successor of the agent knows the marks from before, also those of a log that is gone", async () => {
  const first = await scene.start();
  const log = join(scene.folder, "work/logs/1");
  const go = join(scene.folder, "go");
  const request = marked(
    `echo '#BUTIDO:PHASE:early'; echo '#BUTIDO:STATE:ERR:early'; until [ -e ${go} ]; do sleep 0.02; done; true`,
  );
  scene.coordinator.order({ kind: "start", request });
  await waitUntil("its marks are noted", () => progressOf(request).length > 0);
  first.stop("leave");
  await first.ended;
  expect(existsSync(log)).toBe(true);
  writeFileSync(log, "");
  appendFileSync(log, "#BUTIDO:PROGRESS:9\n");
  writeFileSync(go, "");
  scene.coordinator.hellos.length = 0;
  await scene.start();
  expect(await scene.coordinator.answerOf(request.lease)).toMatchObject(failed("its log says: early"));
  expect(progressOf(request).at(-1)).toEqual(["early", 9]);
});

test("a job that is cancelled is cancelled, whatever its log says", async () => {
  await scene.start();
  const request = marked("echo '#BUTIDO:STATE:ERR:x'; echo '#BUTIDO:PHASE:up'; sleep 300");
  scene.coordinator.order({ kind: "start", request });
  await waitUntil("its marks are read", () => progressOf(request).length > 0);
  scene.coordinator.order({ kind: "cancel", ...attemptRef(request), reason: "test" });
  expect(await scene.coordinator.answerOf(request.lease)).toMatchObject({
    result: { outcome: { kind: "cancelled" } },
  });
});
