/** Follows a run to its end, shows it on the way, and says at last how it ended. */
import type { Client } from "../../shared/client/client.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import { followExpectedEnd } from "./progress/expected-end.ts";
import { openProgressView } from "./progress/open-view.ts";
import { type ProgressView, silentView } from "./progress/progress-view.ts";
import { emptyProgress, onRunEvent, type RunProgress } from "./progress/run-progress.ts";
import { readRootCauses } from "./summary/root-causes.ts";
import { summaryLines } from "./summary/summary-lines.ts";
import type { Terminal } from "./terminal.ts";

export class RunFollower {
  readonly progress: RunProgress;
  readonly #client: Client;
  readonly #terminal: Terminal;
  readonly #json: boolean;
  #view: ProgressView = silentView;

  /** With `json`, events go to stdout, one a line, and no progress is shown. */
  constructor(client: Client, run: string, terminal: Terminal, json: boolean) {
    this.progress = emptyProgress(run);
    this.#client = client;
    this.#terminal = terminal;
    this.#json = json;
  }

  /** Resolves when the run has ended, or when the signal is aborted. */
  async follow(signal: AbortSignal, onEvent?: (event: RunEvent) => void): Promise<void> {
    const { progress } = this;
    if (!this.#json) this.#view = await openProgressView(this.#terminal, progress);
    // Only where it is drawn again and again.
    const isLive = !this.#json && this.#terminal.errIsLive;
    const forget = isLive ? followExpectedEnd(this.#client, progress) : undefined;
    try {
      for await (const event of this.#client.watch(progress.run, { signal })) {
        if (!onRunEvent(progress, event)) continue;
        onEvent?.(event);
        this.#view.onEvent(event);
        if (this.#json) await this.#terminal.print(JSON.stringify(event));
      }
    } finally {
      forget?.();
      this.#view.close();
      this.#view = silentView;
    }
  }

  /** Says something while the run is shown, without spoiling the view. */
  say(line: string): void {
    if (this.#view === silentView) this.#terminal.note(line);
    else this.#view.say(line);
  }

  /** Says how the run ended, with what lies behind each failure and so many lines of its log. */
  async summarise(tailLines?: number): Promise<void> {
    const causes = await readRootCauses(this.#client, this.progress, tailLines);
    const { namespace } = this.#client;
    const commandOptions = namespace === "default" ? "" : ` --namespace ${namespace}`;
    const style = { colours: this.#terminal.errColours, commandOptions };
    for (const line of summaryLines(this.progress, causes, style)) this.#terminal.note(line);
  }
}
