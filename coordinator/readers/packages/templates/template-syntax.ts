/** What a template is made of, once it is parsed. */
import type { TemplateValue } from "./template-value.ts";

/** A mistake in a template, or in what it is rendered with; `offset` is the place in the template's text. */
export class TemplateError extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.name = "TemplateError";
    this.offset = offset;
  }
}

/** A way to a value: `this.sources`, `../name`, `@index`, `@root.name`. */
export interface Path {
  readonly raw: string;
  /** From the innermost block's value, from the whole, or a variable of a block such as `@index`. */
  readonly start: "current" | "root" | "local";
  /** How many blocks outwards: the number of `../`. */
  readonly up: number;
  readonly names: readonly string[];
}

export type Argument =
  | { readonly kind: "literal"; readonly value: TemplateValue }
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "call"; readonly call: Call };

/** A helper with what it is given, or a path alone. */
export interface Call {
  readonly offset: number;
  readonly name: Path | Call;
  readonly arguments: readonly Argument[];
  readonly options: ReadonlyMap<string, Argument>;
}

export type Element =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "expression"; readonly call: Call }
  | Block;

export interface Block {
  readonly kind: "block";
  readonly call: Call;
  /** Names of `as |value key|`. */
  readonly parameters: readonly string[];
  readonly body: readonly Element[];
  readonly inverse: readonly Element[] | undefined;
}
