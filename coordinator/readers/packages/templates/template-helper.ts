/** What a helper of a template is given, and what it gives. */
import type { Frame } from "./template-scope.ts";
import type { TemplateValue } from "./template-value.ts";

export interface HelperCall {
  readonly name: string;
  /** Undefined where a path leads nowhere. */
  readonly arguments: readonly (TemplateValue | undefined)[];
  readonly options: ReadonlyMap<string, TemplateValue | undefined>;
  readonly isStrict: boolean;
  /** The variables of the block around. */
  readonly variables: Frame["variables"];
  /** Names of `as |value key|`. */
  readonly parameters: readonly string[];
  readonly isBlock: boolean;
  /** Renders what is in the block, in a frame of its own when one is given. */
  body(frame?: Frame): string;
  /** Renders what follows `else`; undefined where there is none. */
  readonly inverse: (() => string) | undefined;
  fail(message: string): never;
}

/** A text is written as it is; a value can be given to another helper. */
export type HelperResult = { readonly text: string } | { readonly value: TemplateValue };

export type Helper = (call: HelperCall) => HelperResult;

/** An argument that must be there; in strict mode a path that leads nowhere is none. */
export function operand(call: HelperCall, index: number): TemplateValue {
  const value = call.arguments[index];
  const isMissing = index >= call.arguments.length || (call.isStrict && value === undefined);
  return isMissing ? call.fail(`${call.name}: argument ${index + 1} is not there`) : (value ?? null);
}

/** An argument that must be text. */
export function textOperand(call: HelperCall, index: number): string {
  const value = call.arguments[index];
  return typeof value === "string" ? value : call.fail(`${call.name}: argument ${index + 1} must be text`);
}
