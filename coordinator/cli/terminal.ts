/**
 * Where a command writes: data to stdout, messages to stderr. Whether either is a terminal, takes colours and shows
 * Unicode is decided here once.
 */
import pico from "picocolors";
import { OutputStream } from "./output-stream.ts";

export type Colours = ReturnType<typeof pico.createColors>;

export interface Terminal {
  /** Data is read by a person: align, colour, shorten. */
  readonly outIsTerminal: boolean;
  /** Messages may be redrawn in place. */
  readonly errIsLive: boolean;
  readonly outColours: Colours;
  readonly errColours: Colours;
  readonly unicode: boolean;
  columns(): number;
  rows(): number;
  /** Writes data; resolves when the reader has room for more. */
  write(data: string | Uint8Array): Promise<void>;
  /** Writes one line of data. */
  print(line: string): Promise<void>;
  /** Writes one message to stderr. */
  note(line: string): void;
}

/** What the environment says about colours and characters. */
function displaySettings(environment: NodeJS.ProcessEnv): {
  readonly plain: boolean;
  readonly unicode: boolean;
} {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return {
    plain: Boolean(environment.NO_COLOR) || environment.TERM === "dumb",
    unicode: /utf-?8/i.test(locale),
  };
}

/** The terminal of this process, and how to write out what is still pending before it exits. */
export interface ProcessTerminal extends Terminal {
  flush(): void;
}

/** `onFailure` is called when stdout takes no more, with EPIPE when nobody reads it; a failing stderr stops nothing. */
export function processTerminal(onFailure: (error: NodeJS.ErrnoException) => void): ProcessTerminal {
  const { stdout, stderr, env } = process;
  const { plain, unicode } = displaySettings(env);
  const out = new OutputStream(stdout, onFailure);
  const messages = new OutputStream(stderr, () => {});
  const errIsLive = stderr.isTTY === true && !plain;
  return {
    outIsTerminal: stdout.isTTY === true,
    errIsLive,
    outColours: pico.createColors(stdout.isTTY === true && !plain),
    errColours: pico.createColors(errIsLive),
    unicode,
    // A terminal that does not know its size says 0.
    columns: () => stderr.columns || stdout.columns || 80,
    rows: () => stderr.rows || stdout.rows || 24,
    write: (data) => out.write(data),
    print: (line) => out.write(`${line}\n`),
    note: (line) => {
      void messages.write(`${line}\n`);
      // A live view draws on the same screen, and must find messages where it expects them.
      if (errIsLive) messages.flush();
    },
    flush: () => {
      out.flush();
      messages.flush();
    },
  };
}
