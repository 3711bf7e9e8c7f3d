/** Renders a parsed template with a value, as handlebars-rust does without escaping. */

import { didYouMean } from "../../../../shared/model/nearest-name.ts";
import { standardHelpers } from "./standard-helpers.ts";
import type { Helper, HelperCall, HelperResult } from "./template-helper.ts";
import { type Frame, Scope } from "./template-scope.ts";
import { type Argument, type Block, type Call, type Element, TemplateError } from "./template-syntax.ts";
import { printed, type TemplateValue } from "./template-value.ts";

export interface RenderingOptions {
  /** Whether what is missing is a mistake where it is to be printed. */
  readonly strict: boolean;
  /** Helpers beside the standard ones, by name. */
  readonly helpers: ReadonlyMap<string, Helper>;
}

/** The text of a template; throws a TemplateError where the value does not fit it. */
export function renderTemplate(
  elements: readonly Element[],
  value: TemplateValue,
  options: RenderingOptions,
): string {
  return new Rendering(options).render(elements, Scope.of(value));
}

class Rendering {
  readonly #strict: boolean;
  readonly #helpers: ReadonlyMap<string, Helper>;

  constructor({ strict, helpers }: RenderingOptions) {
    this.#strict = strict;
    this.#helpers = new Map([...standardHelpers, ...helpers]);
  }

  render(elements: readonly Element[], scope: Scope): string {
    let text = "";
    for (const element of elements) {
      if (element.kind === "text") text += element.text;
      else if (element.kind === "block") text += this.#block(element, scope);
      else text += this.#expression(element.call, scope);
    }
    return text;
  }

  #block(block: Block, scope: Scope): string {
    const result = this.#callHelper(block.call, scope, block);
    return "text" in result ? result.text : printed(result.value);
  }

  #expression(call: Call, scope: Scope): string {
    const isAlone = call.arguments.length === 0 && call.options.size === 0 && "raw" in call.name;
    if (isAlone && !this.#helpers.has(this.#nameOf(call, scope))) {
      const value = this.#found(call, scope);
      if (value === undefined && this.#strict) throw missing(call);
      return printed(value ?? null);
    }
    const result = this.#callHelper(call, scope);
    return "text" in result ? result.text : printed(result.value);
  }

  #found({ name, offset }: Call, scope: Scope): TemplateValue | undefined {
    return "raw" in name ? scope.find(name, offset) : this.#valueOf({ kind: "call", call: name }, scope);
  }

  #nameOf({ name }: Call, scope: Scope): string {
    return "raw" in name ? name.raw : printed(this.#valueOf({ kind: "call", call: name }, scope) ?? null);
  }

  #valueOf(argument: Argument, scope: Scope, offset = 0): TemplateValue | undefined {
    switch (argument.kind) {
      case "literal":
        return argument.value;
      case "path":
        return scope.find(argument.path, offset);
      case "call": {
        const result = this.#callHelper(argument.call, scope);
        return "text" in result ? result.text : result.value;
      }
    }
  }

  #callHelper(call: Call, scope: Scope, block?: Block): HelperResult {
    const name = this.#nameOf(call, scope);
    const helper = this.#helpers.get(name);
    if (helper === undefined) {
      const hint = didYouMean(name, this.#helpers.keys());
      throw new TemplateError(call.offset, `there is no helper ${JSON.stringify(name)}${hint}`);
    }
    const given: HelperCall = {
      name,
      arguments: call.arguments.map((argument) => this.#valueOf(argument, scope, call.offset)),
      options: new Map(
        [...call.options].map(([key, argument]) => [key, this.#valueOf(argument, scope, call.offset)]),
      ),
      isStrict: this.#strict,
      variables: scope.variables,
      parameters: block?.parameters ?? [],
      isBlock: block !== undefined,
      body: (frame) => (block === undefined ? "" : this.render(block.body, insideOf(scope, frame))),
      inverse: block?.inverse === undefined ? undefined : () => this.render(block.inverse ?? [], scope),
      fail: (message) => {
        throw new TemplateError(call.offset, message);
      },
    };
    return helper(given);
  }
}

function insideOf(scope: Scope, frame: Frame | undefined): Scope {
  return frame === undefined ? scope : scope.inside(frame);
}

function missing({ name, offset }: Call): TemplateError {
  const written = "raw" in name ? name.raw : "the value";
  return new TemplateError(offset, `${written} is not there`);
}
