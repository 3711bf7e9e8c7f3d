import { expect, it } from "vitest";
import { downloadLines, openDownloadView } from "../../../coordinator/cli/progress/download-view.ts";
import { type CachedSource, cachedSources } from "../../../coordinator/sources/source-cache.ts";
import { CapturedTerminal } from "./captured-terminal.ts";

const hash = { type: "sha1", hash: "0" } as const;
const sources = ["a", "b", "c"].map((name): CachedSource => {
  const source = { id: "src", url: "https://x.example", hash, downloadManually: false };
  return cachedSources("/cache", [{ name, version: "1", sources: [source] }])[0]!;
});

it("shows how far each download is, as many as there is room for, and how far all are", () => {
  const running = new Map([
    [sources[0]!, { bytes: 1024, total: 4096 }],
    [sources[1]!, { bytes: 10, total: undefined }],
    [sources[2]!, { bytes: 0, total: 0 }],
  ]);
  expect(downloadLines(running, 3, 9, 24)).toEqual([
    "  a 1 src: 1 KiB of 4 KiB, 25 %",
    "  b 1 src: 10 B",
    "  c 1 src: 0 B of 0 B, 100 %",
    "3 of 9 sources",
  ]);
  expect(downloadLines(running, 3, 9, 3)).toEqual(["  a 1 src: 1 KiB of 4 KiB, 25 %", "3 of 9 sources"]);
});

it("writes a line for each that has ended where it can't redraw, and none for one that was there", () => {
  const terminal = new CapturedTerminal();
  const view = openDownloadView(terminal, 2);
  view.onProgress(sources[0]!, 1, 2);
  view.onEnd(sources[0]!, "a 1 src: 2 B");
  view.onEnd(sources[1]!, undefined);
  view.close();
  expect(terminal.notes).toEqual(["a 1 src: 2 B"]);
});
