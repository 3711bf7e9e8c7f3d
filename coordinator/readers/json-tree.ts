/** JSON to a source tree: strict JSON, with the place of every value and duplicate keys reported. */
import jsonc from "jsonc-parser";
import type { Report } from "./source-text.ts";
import { dropDuplicates, MAX_DEPTH, type SourceNode } from "./source-tree.ts";

interface Frame {
  readonly node: Exclude<SourceNode, { kind: "scalar" }>;
  key: string;
  keyStart: number;
}

/** Thrown by a visitor to leave the parser, which has no other way out. */
class TooDeep extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super();
    this.offset = offset;
  }
}

/** Parses a whole file. Mistakes are reported; undefined when there is no tree to go on with. */
export function readJsonTree(text: string, report: Report): SourceNode | undefined {
  const frames: Frame[] = [];
  let root: SourceNode | undefined;
  let isBroken = false;

  const add = (node: SourceNode): void => {
    const frame = frames.at(-1);
    if (frame === undefined) root = node;
    else if (frame.node.kind === "list") frame.node.items.push(node);
    else frame.node.entries.push({ key: frame.key, keyStart: frame.keyStart, value: node });
  };
  const open = (node: Frame["node"]): void => {
    if (frames.length === MAX_DEPTH) throw new TooDeep(node.start);
    add(node);
    frames.push({ node, key: "", keyStart: node.start });
  };
  const close = (): void => {
    const frame = frames.pop();
    if (frame?.node.kind === "map") dropDuplicates(frame.node, report);
  };

  try {
    jsonc.visit(
      text,
      {
        onObjectBegin: (start) => open({ kind: "map", start, entries: [] }),
        onObjectEnd: close,
        onArrayBegin: (start) => open({ kind: "list", start, items: [] }),
        onArrayEnd: close,
        onObjectProperty: (key, start) => {
          const frame = frames.at(-1)!;
          frame.key = key;
          frame.keyStart = start;
        },
        onLiteralValue: (value: string | number | boolean | null, start, length) => {
          const written = typeof value === "string" ? value : text.slice(start, start + length);
          add({ kind: "scalar", start, value, text: written });
        },
        onError: (code, offset) => {
          isBroken = true;
          report(offset, explainSyntaxError(jsonc.printParseErrorCode(code)));
        },
      },
      { disallowComments: true, allowTrailingComma: false, allowEmptyContent: true },
    );
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    report(error.offset, `lists and maps must not be nested deeper than ${MAX_DEPTH}`);
    return undefined;
  }
  return isBroken ? undefined : root;
}

/** The parser's code in words: `CommaExpected` becomes `not valid JSON: comma expected`. */
function explainSyntaxError(code: string): string {
  const words = code.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
  return `not valid JSON: ${words.replace("close bracket expected", "] expected").replace("close brace expected", "} expected")}`;
}
