/** Values of templates: what JSON can hold, with the keys of objects in order, as scripts see them. */
import { compareTexts } from "../package.ts";

export type TemplateValue =
  | null
  | boolean
  | number
  | string
  | readonly TemplateValue[]
  | ReadonlyMap<string, TemplateValue>;

/** An object of the pairs that have a value; its keys are sorted. */
export function objectValue(pairs: Iterable<readonly [string, TemplateValue | undefined]>): TemplateValue {
  const kept = [...pairs].filter((pair): pair is [string, TemplateValue] => pair[1] !== undefined);
  return new Map(kept.sort(([left], [right]) => compareTexts(left, right)));
}

export function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

export function isObject(value: TemplateValue): value is ReadonlyMap<string, TemplateValue> {
  return value instanceof Map;
}

/** What `if` goes by: nothing, zero and whatever is empty do not count. */
export function isTruthy(value: TemplateValue, includeZero = false): boolean {
  if (typeof value === "number") return includeZero || value !== 0;
  if (typeof value === "string" || isList(value)) return value.length > 0;
  if (isObject(value)) return value.size > 0;
  return value === true;
}

/** A value as it is written into the text. */
export function printed(value: TemplateValue): string {
  if (value === null) return "";
  if (isList(value)) return `[${value.map(printed).join(", ")}]`;
  return isObject(value) ? "[object]" : String(value);
}

/** Whether two values are the same, of the same kind. */
export function isEqual(left: TemplateValue, right: TemplateValue): boolean {
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]!));
  }
  if (isObject(left) && isObject(right)) {
    return (
      left.size === right.size &&
      [...left].every(([key, value]) => right.has(key) && isEqual(value, right.get(key)!))
    );
  }
  return left === right;
}

/** Below, at or above 0 as the order is; undefined where two values have none. A text may stand for a number. */
export function order(left: TemplateValue, right: TemplateValue): number | undefined {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string") return compareTexts(left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (typeof left === "number" && typeof right === "string") {
    const number = numberIn(right);
    return number === undefined ? undefined : left - number;
  }
  if (typeof left === "string" && typeof right === "number") {
    const number = numberIn(left);
    return number === undefined ? undefined : number - right;
  }
  return undefined;
}

function numberIn(text: string): number | undefined {
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}
