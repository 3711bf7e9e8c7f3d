/**
 * Parses a template: text, expressions and blocks, with the white space that its tags swallow.
 *
 * A tag that stands alone on its line (blocks, `else`, comments) takes the line with it; `~` takes all white space on
 * its side. Both are judged by the source alone, so a tag never sees what another one took.
 */
import { ExpressionParser } from "./expression-parser.ts";
import { type Block, type Call, type Element, TemplateError } from "./template-syntax.ts";

/** Parses the whole text; throws a TemplateError where it is no template. */
export function parseTemplate(source: string): readonly Element[] {
  return new TemplateParser(source).parse();
}

interface OpenBlock {
  readonly call: Call;
  readonly parameters: readonly string[];
  /** Name that closes it; a link of an `else if` chain is closed with the block before it. */
  readonly name: string;
  readonly isLink: boolean;
  body: Element[];
  inverse: Element[] | undefined;
}

class TemplateParser {
  readonly #source: string;
  readonly #root: Element[] = [];
  readonly #open: OpenBlock[] = [];
  #offset = 0;
  /** How the text after the last tag begins. */
  #trimsAfter: "nothing" | "line" | "space" = "nothing";

  constructor(source: string) {
    this.#source = source;
  }

  parse(): readonly Element[] {
    for (;;) {
      const tag = this.#nextTag(this.#offset, "{{");
      const end = tag ?? this.#source.length;
      this.#addText(unescaped(this.#source.slice(this.#offset, end), tag !== undefined));
      this.#offset = end;
      if (tag === undefined) break;
      this.#readTag();
    }
    const unclosed = this.#open.at(-1);
    if (unclosed !== undefined) {
      throw new TemplateError(unclosed.call.offset, `{{#${unclosed.name}}} is not closed`);
    }
    return this.#root;
  }

  get #target(): Element[] {
    const block = this.#open.at(-1);
    return block === undefined ? this.#root : (block.inverse ?? block.body);
  }

  /** The next braces that no single backslash escapes. */
  #nextTag(from: number, braces: string): number | undefined {
    let found = this.#source.indexOf(braces, from);
    while (found > from && /(?:^|[^\\])\\$/.test(this.#source.slice(Math.max(from, found - 2), found))) {
      const skipped = this.#source.startsWith("{{{{", found) ? found + 4 : found + 2;
      found = this.#source.indexOf(braces, skipped);
    }
    return found < 0 ? undefined : found;
  }

  #addText(text: string): void {
    let kept = text;
    if (this.#trimsAfter === "space") kept = kept.trimStart();
    else if (this.#trimsAfter === "line") kept = kept.replace(/^[ \t]*(?:\r?\n)?/, "");
    if (text !== "") this.#trimsAfter = "nothing";
    if (kept !== "") this.#target.push({ kind: "text", text: kept });
  }

  #readTag(): void {
    const start = this.#offset;
    const rest = this.#source.slice(start, start + 5);
    if (rest.startsWith("{{{{")) return this.#readRawBlock(start);
    if (rest.startsWith("{{!")) return this.#readComment(start);
    const parser = new ExpressionParser(this.#source, start + 2);
    if (this.#source.charAt(parser.offset) === "{") {
      parser.take("{");
      return this.#readExpression(parser, start, "}}}");
    }
    const trimsBefore = parser.take("~");
    if (trimsBefore) this.#trimBefore(/\s+$/);
    if (parser.take("{")) return this.#readExpression(parser, start, "}", "}}");
    if (parser.take("#")) return this.#readBlockStart(parser, start);
    if (parser.take("/")) return this.#readBlockEnd(parser, start);
    if (parser.take(">") || parser.take("*")) parser.fail("partials and decorators are not supported");
    if (parser.take("^") || this.#takeElse(parser)) return this.#readElse(parser, start);
    parser.take("&");
    this.#readExpression(parser, start, "}}");
  }

  #takeElse(parser: ExpressionParser): boolean {
    return /^else(?![\w$:\-.\u0080-\uffff])/.test(this.#rest(parser)) && parser.take("else");
  }

  #rest(parser: ExpressionParser): string {
    return this.#source.slice(parser.offset, parser.offset + 8).trimStart();
  }

  #readExpression(parser: ExpressionParser, start: number, ...closing: readonly string[]): void {
    const call = parser.expression();
    this.#target.push({ kind: "expression", call });
    this.#closeTag(parser, start, closing, false);
  }

  #readBlockStart(parser: ExpressionParser, start: number): void {
    if (parser.take("*") || parser.take(">")) parser.fail("partials and decorators are not supported");
    const { call, parameters } = parser.blockStart();
    this.#closeTag(parser, start, ["}}"], true);
    this.#openBlock(call, parameters, false);
  }

  #openBlock(call: Call, parameters: readonly string[], isLink: boolean): void {
    const name = "raw" in call.name ? call.name.raw : "";
    this.#open.push({ call, parameters, name, isLink, body: [], inverse: undefined });
  }

  #readElse(parser: ExpressionParser, start: number): void {
    const block = this.#open.at(-1);
    if (block === undefined) throw new TemplateError(start, "{{else}} stands in no block");
    if (block.inverse !== undefined) throw new TemplateError(start, "this block has an {{else}} already");
    const isLast = /^~?\}\}/.test(this.#rest(parser));
    const link = isLast ? undefined : parser.blockStart();
    this.#closeTag(parser, start, ["}}"], true);
    block.inverse = [];
    if (link !== undefined) this.#openBlock(link.call, link.parameters, true);
  }

  #readBlockEnd(parser: ExpressionParser, start: number): void {
    const name = parser.identifier() ?? "";
    this.#closeTag(parser, start, ["}}"], true);
    let block = this.#open.pop();
    while (block?.isLink === true) {
      this.#target.push(closed(block));
      block = this.#open.pop();
    }
    if (block === undefined) throw new TemplateError(start, `{{/${name}}} closes nothing`);
    if (name !== "" && name !== block.name) {
      throw new TemplateError(start, `{{/${name}}} stands where {{#${block.name}}} must be closed`);
    }
    this.#target.push(closed(block));
  }

  #readRawBlock(start: number): void {
    const parser = new ExpressionParser(this.#source, start + 4);
    if (parser.take("~")) this.#trimBefore(/\s+$/);
    const { call, parameters } = parser.blockStart();
    this.#closeTag(parser, start, ["}}}}"], true);
    this.#openBlock(call, parameters, false);
    const end = this.#nextTag(this.#offset, "{{{{");
    if (end === undefined) throw new TemplateError(start, "this raw block is not closed");
    this.#addText(unescaped(this.#source.slice(this.#offset, end), true));
    const closing = new ExpressionParser(this.#source, end + 4);
    if (closing.take("~")) this.#trimBefore(/\s+$/);
    closing.expect("/");
    const name = closing.identifier() ?? "";
    this.#closeTag(closing, end, ["}}}}"], true);
    const block = this.#open.pop()!;
    if (name !== "" && name !== block.name) {
      throw new TemplateError(end, `{{{{/${name}}}}} stands where {{{{${block.name}}}}} must be closed`);
    }
    this.#target.push(closed(block));
  }

  #readComment(start: number): void {
    const isLong = this.#source.startsWith("{{!--", start);
    const longEnd = isLong ? this.#source.indexOf("--}}", start + 5) : -1;
    const end = longEnd >= 0 ? longEnd + 4 : this.#source.indexOf("}}", start) + 2;
    if (end < 2) throw new TemplateError(start, "this comment is not closed");
    this.#swallowLine(start, end);
    this.#offset = end;
  }

  /** Takes `~` and the closing braces, and decides what becomes of the white space around. */
  #closeTag(
    parser: ExpressionParser,
    start: number,
    closing: readonly string[],
    isStandalone: boolean,
  ): void {
    const [last = "}}", ...before] = closing.toReversed();
    for (const braces of before.toReversed()) parser.expect(braces);
    const trimsAfter = parser.take("~");
    parser.expect(last);
    this.#offset = parser.offset;
    this.#trimsAfter = "nothing";
    if (isStandalone) this.#swallowLine(start, parser.offset);
    if (trimsAfter) this.#trimsAfter = "space";
  }

  /** Takes the line of a tag along when nothing else is on it. */
  #swallowLine(start: number, end: number): void {
    const isLineDone = /^[ \t]*(?:\r|\n|$)/.test(restOfLine(this.#source, end));
    if (!isLineDone || !/(?:^|[\r\n])[ \t]*$/.test(startOfLine(this.#source, start))) return;
    this.#trimBefore(/[ \t]+$/);
    this.#trimsAfter = "line";
  }

  #trimBefore(pattern: RegExp): void {
    const target = this.#target;
    const last = target.at(-1);
    if (last?.kind !== "text") return;
    target.pop();
    const text = last.text.replace(pattern, "");
    if (text !== "") target.push({ kind: "text", text });
  }
}

function closed({ call, parameters, body, inverse }: OpenBlock): Block {
  return { kind: "block", call, parameters, body, inverse };
}

/** From a place to the end of its line, with the line break where there is one. */
function restOfLine(source: string, from: number): string {
  const end = source.indexOf("\n", from);
  return end < 0 ? source.slice(from) : source.slice(from, end + 1);
}

/** From the line break before a place, or from the start of the source. */
function startOfLine(source: string, to: number): string {
  return to === 0 ? "" : source.slice(Math.max(0, source.lastIndexOf("\n", to - 1)), to);
}

/** Takes away the backslash before escaped braces, and one of several before a tag. */
function unescaped(text: string, isBeforeTag: boolean): string {
  const plain = text.replace(/(^|[^\\])\\(?=\{\{)/g, "$1");
  return isBeforeTag ? plain.replace(/\\(\\+)$/, "$1") : plain;
}
