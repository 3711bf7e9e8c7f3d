/**
 * Where a command writes: data to stdout, messages to stderr. Whether either is a terminal, takes colours and shows
 * Unicode is decided here once. A reader that goes away (`| head`) ends the command quietly.
 */
import pico from "picocolors";

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
export function displaySettings(environment: NodeJS.ProcessEnv): {
  readonly plain: boolean;
  readonly unicode: boolean;
} {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return {
    plain: Boolean(environment.NO_COLOR) || environment.TERM === "dumb",
    unicode: /utf-?8/i.test(locale),
  };
}

/** The terminal of this process. `onReaderGone` is called when nobody reads stdout any more. */
export function processTerminal(onReaderGone: () => void): Terminal {
  const { stdout, stderr, env } = process;
  const { plain, unicode } = displaySettings(env);
  let readerGone = false;
  let onRoom = (): void => {};
  stdout.on("drain", () => onRoom());
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    readerGone = true;
    onRoom();
    onReaderGone();
  });
  stderr.on("error", () => {
    // Nobody is left to be told; the work goes on.
  });
  const write = async (data: string | Uint8Array): Promise<void> => {
    if (readerGone || stdout.write(data)) return;
    await new Promise<void>((resolve) => {
      const before = onRoom;
      onRoom = () => {
        before();
        resolve();
      };
    });
  };
  return {
    outIsTerminal: stdout.isTTY === true,
    errIsLive: stderr.isTTY === true && !plain,
    outColours: pico.createColors(stdout.isTTY === true && !plain),
    errColours: pico.createColors(stderr.isTTY === true && !plain),
    unicode,
    // A terminal that does not know its size says 0.
    columns: () => stderr.columns || stdout.columns || 80,
    rows: () => stderr.rows || stdout.rows || 24,
    write,
    print: (line) => write(`${line}\n`),
    note: (line) => {
      stderr.write(`${line}\n`);
    },
  };
}
