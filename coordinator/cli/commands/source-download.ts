import { z } from "zod";
import { formatBytes } from "../../../shared/model/size.ts";
import { checkMirror } from "../../sources/addresses.ts";
import { inCrew } from "../../sources/crew.ts";
import { type DownloadOutcome, downloadSource, withoutPassword } from "../../sources/download.ts";
import { proxiesOf } from "../../sources/proxy.ts";
import { type CachedSource, sourceLabel } from "../../sources/source-cache.ts";
import { describeState } from "../../sources/source-state.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { durationValue, wholeNumber } from "../option-values.ts";
import { openDownloadView } from "../progress/download-view.ts";
import { chooseSources, listedSource, sourceChoiceShape } from "../source-choice.ts";

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 1000;
const STALL_MS = 30_000;

const schema = z
  .object({
    ...sourceChoiceShape,
    force: z.boolean().default(false),
    mirror: z.array(z.string()).default([]),
    parallel: wholeNumber(1, 100).default(8),
    // butido has seconds without a unit.
    timeout: z
      .union([wholeNumber(1, 1_000_000).transform((seconds) => seconds * 1000), durationValue])
      .optional(),
  })
  // A limit for each source, not for the command.
  .transform(({ timeout, ...input }) => ({ ...input, timeoutMs: timeout }));

/** `millrace source download`: brings what is missing or wrong; fails when something is still so afterwards. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal, interruption, environment } = context;
  const mirrors = [...input.mirror, ...(environment.MILLRACE_SOURCE_MIRRORS ?? "").split(/\s+/)]
    .filter((mirror) => mirror !== "")
    .map((mirror) => checkMirror(mirror));
  const sources = await chooseSources(input, context);
  const proxyFor = proxiesOf(environment);
  interruption.take();
  const view = openDownloadView(terminal, sources.length);
  const settings = {
    mirrors,
    force: input.force,
    attempts: ATTEMPTS,
    firstPauseMs: FIRST_PAUSE_MS,
    stallMs: STALL_MS,
    proxyFor,
    timeoutMs: input.timeoutMs,
    signal: interruption.signal,
    onProgress: view.onProgress,
  };
  const work = async (cached: CachedSource): Promise<Download> => {
    const outcome = await downloadSource(cached, settings);
    view.onEnd(cached, noteOf(cached, outcome));
    return { cached, outcome };
  };
  const downloads = await inCrew(input.parallel, sources, work).finally(view.close);
  const outcomes = downloads.map(({ outcome }) => outcome);
  if (input.json) {
    await printJson(
      terminal,
      downloads.map(({ cached, outcome }) => ({ ...listedSource(cached), outcome })),
    );
  }
  terminal.note(summaryOf(outcomes));
  const isWhole = outcomes.every(({ kind }) => kind === "present" || kind === "downloaded");
  return isWhole ? exitCode.succeeded : exitCode.checkFailed;
});

interface Download {
  readonly cached: CachedSource;
  readonly outcome: DownloadOutcome;
}

/** What is worth a line; a source that was there is not. */
function noteOf(cached: CachedSource, outcome: DownloadOutcome): string | undefined {
  const label = sourceLabel(cached);
  switch (outcome.kind) {
    case "present":
      return undefined;
    case "downloaded": {
      const size = formatBytes(outcome.bytes);
      const resumed = outcome.resumedAt > 0 ? `, ${formatBytes(outcome.resumedAt)} of them from before` : "";
      const warning = outcome.warning === undefined ? "" : `; ${outcome.warning}, but its hash is right`;
      return `${label}: ${size} from ${withoutPassword(outcome.from)}${resumed}${warning}`;
    }
    case "manual": {
      const { found } = outcome;
      const there = found.kind === "missing" ? "" : `; what is there ${describeState(cached, found)}`;
      return `${label} can't be downloaded by a program: get it from ${cached.source.url} and put it at ${cached.path}${there}`;
    }
    case "failed":
      return `${label}: failed: ${outcome.reason}`;
  }
}

function summaryOf(outcomes: readonly DownloadOutcome[]): string {
  const downloaded = outcomes.flatMap((outcome) => (outcome.kind === "downloaded" ? [outcome.bytes] : []));
  const count = (kind: DownloadOutcome["kind"]): number =>
    outcomes.filter((outcome) => outcome.kind === kind).length;
  const bytes = downloaded.reduce((sum, size) => sum + size, 0);
  return [
    `${downloaded.length} downloaded (${formatBytes(bytes)})`,
    `${count("present")} there already`,
    ...(count("manual") > 0 ? [`${count("manual")} must be fetched by hand`] : []),
    ...(count("failed") > 0 ? [`${count("failed")} failed`] : []),
  ].join(", ");
}
