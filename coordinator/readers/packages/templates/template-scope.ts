/** The values that a template sees from where it is: those of the blocks around, the innermost first. */
import { type Path, TemplateError } from "./template-syntax.ts";
import { isList, isObject, type TemplateValue } from "./template-value.ts";

/** What a block such as `each` sets for its body. */
export interface Frame {
  readonly value: TemplateValue;
  /** `@index`, `@key`, `@first`, `@last`. */
  readonly variables: ReadonlyMap<string, TemplateValue>;
  /** Names of `as |value key|`. */
  readonly parameters: ReadonlyMap<string, TemplateValue>;
}

/** The frames from the whole template's value inwards. */
export class Scope {
  readonly #frames: readonly Frame[];

  private constructor(frames: readonly Frame[]) {
    this.#frames = frames;
  }

  static of(value: TemplateValue): Scope {
    return new Scope([{ value, variables: new Map(), parameters: new Map() }]);
  }

  /** The scope of a block's body. */
  inside(frame: Frame): Scope {
    return new Scope([...this.#frames, frame]);
  }

  /** The variables of the innermost block. */
  get variables(): Frame["variables"] {
    return this.#innermost.variables;
  }

  /** Follows a path; undefined where there is nothing. */
  find({ start, up, names }: Path, offset: number): TemplateValue | undefined {
    const [first] = names;
    if (start === "local") return first === undefined ? undefined : this.#outwards(up)?.variables.get(first);
    if (start === "root") return follow(this.#frames[0]!.value, names, offset);
    const named = first === undefined ? undefined : this.#parameter(first);
    if (named !== undefined) return follow(named, names.slice(1), offset);
    return follow((this.#outwards(up) ?? this.#innermost).value, names, offset);
  }

  get #innermost(): Frame {
    return this.#frames.at(-1)!;
  }

  #outwards(up: number): Frame | undefined {
    return this.#frames[this.#frames.length - 1 - up];
  }

  #parameter(name: string): TemplateValue | undefined {
    return this.#frames.findLast(({ parameters }) => parameters.has(name))?.parameters.get(name);
  }
}

function follow(value: TemplateValue, names: readonly string[], offset: number): TemplateValue | undefined {
  let reached: TemplateValue | undefined = value;
  for (const name of names) {
    if (reached === undefined) return undefined;
    if (isList(reached)) {
      if (!/^\+?\d+$/.test(name)) {
        throw new TemplateError(offset, `${JSON.stringify(name)} is no position in a list`);
      }
      reached = reached[Number(name)];
    } else reached = isObject(reached) ? reached.get(name) : undefined;
  }
  return reached;
}
