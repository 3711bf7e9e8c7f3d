/**
 * Parses what stands between the braces of a template, by the grammar of handlebars-rust, which differs from that of
 * Handlebars in JavaScript: `this.patches[0]` is a path and then a list with a 0 in it, `patches.0` is a path.
 */
import { type Argument, type Call, type Path, TemplateError } from "./template-syntax.ts";
import { objectValue, type TemplateValue } from "./template-value.ts";

const symbol = "[\\w$:\\-\\u0080-\\uffff]";
const word = new RegExp(`${symbol}+`, "y");
const keyword = new RegExp(`(?:as|else)(?!${symbol})`, "y");
const number = new RegExp(`-?\\d+(?:\\.\\d*)?(?:E-?\\d+)?(?!${symbol})`, "y");
const constant = new RegExp(`(?:null|true|false)(?!${symbol})`, "y");
const option = new RegExp(`(${symbol}+)\\s*=`, "y");
const text =
  /"(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|'(?:[^'\\]|\\(?:['\\/bfnrt]|u[0-9a-fA-F]{4}))*'/y;
const space = /[ \t\r\n]*/y;
const rawName = /\[([^\]]*)\]/y;

/** Reads expressions from a place in a template on. */
export class ExpressionParser {
  readonly #source: string;
  #offset: number;

  constructor(source: string, offset: number) {
    this.#source = source;
    this.#offset = offset;
  }

  /** Where it has read to. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes a fixed text, after white space; false when something else is there. */
  take(expected: string): boolean {
    this.#match(space);
    if (!this.#source.startsWith(expected, this.#offset)) return false;
    this.#offset += expected.length;
    return true;
  }

  /** Takes a fixed text or fails. */
  expect(expected: string): void {
    if (!this.take(expected)) this.fail(`expected ${expected}`);
  }

  fail(message: string): never {
    throw new TemplateError(this.#offset, message);
  }

  /** A helper's name, without a path. */
  identifier(): string | undefined {
    this.#match(space);
    return this.#match(word);
  }

  /** `name` or `name argument option=argument`. */
  expression(): Call {
    this.#match(space);
    const offset = this.#offset;
    const helper = this.#helperWithArguments();
    if (helper !== undefined) return helper;
    this.#offset = offset;
    return { offset, name: this.#name(), arguments: [], options: new Map() };
  }

  /** What opens a block: a helper with what it is given, and the names of its values. */
  blockStart(): { readonly call: Call; readonly parameters: readonly string[] } {
    this.#match(space);
    const offset = this.#offset;
    const name = this.identifier() ?? this.fail("expected the name of a helper");
    const call = { offset, name: pathOf(name), ...this.#arguments() };
    return { call, parameters: this.#blockParameters() };
  }

  #helperWithArguments(): Call | undefined {
    const offset = this.#offset;
    const name = this.#match(word);
    if (name === undefined) return undefined;
    const given = this.#arguments();
    if (given.arguments.length === 0 && given.options.size === 0) return undefined;
    return { offset, name: pathOf(name), ...given };
  }

  #name(): Path | Call {
    if (this.take("(")) return this.#subexpression();
    return this.#path() ?? this.fail("expected a name");
  }

  #subexpression(): Call {
    this.#match(space);
    const offset = this.#offset;
    let call = this.#helperWithArguments();
    if (call === undefined) {
      this.#offset = offset;
      const name = this.#path() ?? this.fail("expected a helper");
      call = { offset, name, arguments: [], options: new Map() };
    }
    this.expect(")");
    return call;
  }

  #arguments(): Pick<Call, "arguments" | "options"> {
    const given: Argument[] = [];
    const options = new Map<string, Argument>();
    for (;;) {
      this.#match(space);
      option.lastIndex = this.#offset;
      const [whole, key] = option.exec(this.#source) ?? [];
      if (whole !== undefined && key !== undefined) {
        this.#offset += whole.length;
        this.#match(space);
        options.set(key, this.#argument() ?? this.fail(`expected the value of ${key}`));
        continue;
      }
      const argument = this.#argument();
      if (argument === undefined) return { arguments: given, options };
      given.push(argument);
    }
  }

  #argument(): Argument | undefined {
    keyword.lastIndex = this.#offset;
    if (keyword.test(this.#source)) return undefined;
    const value = this.#literal();
    if (value !== undefined) return { kind: "literal", value };
    const path = this.#path();
    if (path !== undefined) return { kind: "path", path };
    return this.take("(") ? { kind: "call", call: this.#subexpression() } : undefined;
  }

  #literal(): TemplateValue | undefined {
    const quotedText = this.#match(text);
    if (quotedText !== undefined) return this.#unquoted(quotedText);
    const first = this.#source.charAt(this.#offset);
    if (first === "[") return this.#list();
    if (first === "{") return this.#object();
    const digits = this.#match(number);
    if (digits !== undefined) return Number(digits);
    const named = this.#match(constant);
    return named === undefined ? undefined : named === "null" ? null : named === "true";
  }

  #list(): TemplateValue {
    this.expect("[");
    const items: TemplateValue[] = [];
    for (;;) {
      this.#match(space);
      const item = this.#literal();
      if (item !== undefined) items.push(item);
      else if (items.length > 0) this.fail("expected a value");
      if (this.take("]")) return items;
      this.expect(",");
    }
  }

  #object(): TemplateValue {
    this.expect("{");
    const pairs: [string, TemplateValue][] = [];
    for (;;) {
      if (pairs.length === 0 && this.take("}")) return objectValue(pairs);
      this.#match(space);
      const key = this.#match(text) ?? this.fail("expected a key in quotes");
      this.expect(":");
      this.#match(space);
      pairs.push([this.#unquoted(key), this.#literal() ?? this.fail("expected a value")]);
      if (this.take("}")) return objectValue(pairs);
      this.expect(",");
    }
  }

  /** Without any space in it; undefined, and nothing taken, when there is no path. */
  #path(): Path | undefined {
    const from = this.#offset;
    const isSeparator = (offset: number): boolean => /[./]/.test(this.#source.charAt(offset));
    const skip = (prefix: string): boolean => {
      if (!this.#source.startsWith(prefix, this.#offset)) return false;
      this.#offset += prefix.length;
      return true;
    };
    if (this.#source.startsWith("this", from) && isSeparator(from + 4)) this.#offset += 5;
    else skip("./");
    const isRoot = this.#source.startsWith("@root", this.#offset);
    if (isRoot) this.#offset += isSeparator(this.#offset + 5) ? 6 : 5;
    const isLocal = !isRoot && skip("@");
    let up = 0;
    while (skip("../")) up += 1;
    const names: string[] = [];
    while (names.length === 0 || isSeparator(this.#offset)) {
      if (names.length > 0) this.#offset += 1;
      const name = this.#pathItem();
      if (name !== undefined) {
        names.push(name);
        continue;
      }
      if (isRoot && names.length === 0) break;
      if (this.#offset !== from) this.fail("expected a name");
      return undefined;
    }
    return {
      raw: this.#source.slice(from, this.#offset),
      start: isRoot ? "root" : isLocal ? "local" : "current",
      up,
      names: names.filter((name) => name !== "this"),
    };
  }

  #pathItem(): string | undefined {
    const name = this.#match(word);
    return name ?? this.#match(rawName)?.slice(1, -1);
  }

  #blockParameters(): string[] {
    this.#match(space);
    if (!/^as[ \t\r\n]*\|/.test(this.#source.slice(this.#offset, this.#offset + 40))) return [];
    this.expect("as");
    this.expect("|");
    const names = [this.identifier() ?? this.fail("expected a name")];
    const second = this.identifier();
    if (second !== undefined) names.push(second);
    this.expect("|");
    return names;
  }

  #unquoted(literal: string): string {
    const isSingle = literal.startsWith("'");
    const inner = literal.slice(1, -1).replaceAll("\\'", "'").replaceAll('"', '\\"');
    try {
      return JSON.parse(isSingle ? `"${inner}"` : literal) as string;
    } catch {
      // What the pattern let through and JSON does not take are control characters.
      return this.fail("a text in quotes must not contain line breaks or other control characters");
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#offset += found.length;
    return found;
  }
}

function pathOf(name: string): Path {
  return { raw: name, start: "current", up: 0, names: name === "this" ? [] : [name] };
}
