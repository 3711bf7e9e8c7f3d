/** The helpers that every template has. */
import { type Helper, type HelperCall, type HelperResult, operand } from "./template-helper.ts";
import { isEqual, isList, isObject, isTruthy, order, type TemplateValue } from "./template-value.ts";

/** By name. */
export const standardHelpers: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ["if", (call) => choice(call, isTruthy(condition(call), includesZero(call)))],
  ["unless", (call) => choice(call, !isTruthy(condition(call), includesZero(call)))],
  ["each", each],
  ["with", withValue],
  ["lookup", lookup],
  ["raw", (call) => ({ text: call.body() })],
  ["eq", (call) => answer(call, isEqual(operand(call, 0), operand(call, 1)))],
  ["ne", (call) => answer(call, !isEqual(operand(call, 0), operand(call, 1)))],
  ["gt", (call) => compare(call, (difference) => difference > 0)],
  ["gte", (call) => compare(call, (difference) => difference >= 0)],
  ["lt", (call) => compare(call, (difference) => difference < 0)],
  ["lte", (call) => compare(call, (difference) => difference <= 0)],
  [
    "and",
    (call) =>
      answer(
        call,
        call.arguments.every((value) => isTruthy(value ?? null)),
      ),
  ],
  [
    "or",
    (call) =>
      answer(
        call,
        call.arguments.some((value) => isTruthy(value ?? null)),
      ),
  ],
  ["not", (call) => answer(call, !isTruthy(operand(call, 0)))],
  ["len", (call) => ({ value: lengthOf(operand(call, 0)) })],
]);

/** Something that is not there is a condition that does not hold, also in strict mode. */
function condition(call: HelperCall): TemplateValue {
  if (call.arguments.length === 0) call.fail(`${call.name}: argument 1 is not there`);
  return call.arguments[0] ?? null;
}

function includesZero({ options }: HelperCall): boolean {
  return options.get("includeZero") === true;
}

function choice(call: HelperCall, holds: boolean): HelperResult {
  return { text: holds ? call.body() : (call.inverse?.() ?? "") };
}

/** As a block it chooses, elsewhere it is true or false. */
function answer(call: HelperCall, holds: boolean): HelperResult {
  return call.isBlock ? choice(call, holds) : { value: holds };
}

function compare(call: HelperCall, holds: (difference: number) => boolean): HelperResult {
  const difference = order(operand(call, 0), operand(call, 1));
  return answer(call, difference !== undefined && holds(difference));
}

function each(call: HelperCall): HelperResult {
  const value = condition(call);
  const items = itemsOf(value);
  if (items !== undefined && (items.length > 0 || call.inverse === undefined)) {
    const [valueName, keyName] = call.parameters;
    const texts = items.map(([key, item], index) => {
      const variables = new Map<string, TemplateValue>([
        ["first", index === 0],
        ["last", index === items.length - 1],
        ["index", index],
      ]);
      if (isObject(value)) variables.set("key", key);
      const parameters = new Map<string, TemplateValue>();
      if (valueName !== undefined) parameters.set(valueName, item);
      if (keyName !== undefined) parameters.set(keyName, key);
      return call.body({ value: item, variables, parameters });
    });
    return { text: texts.join("") };
  }
  return otherwise(call);
}

function itemsOf(value: TemplateValue): (readonly [string | number, TemplateValue])[] | undefined {
  if (isList(value)) return [...value.entries()];
  return isObject(value) ? [...value] : undefined;
}

function withValue(call: HelperCall): HelperResult {
  const value = condition(call);
  if (!isTruthy(value)) return otherwise(call);
  const [name] = call.parameters;
  const parameters = new Map<string, TemplateValue>(name === undefined ? [] : [[name, value]]);
  return { text: call.body({ value, variables: call.variables, parameters }) };
}

function otherwise(call: HelperCall): HelperResult {
  if (call.inverse !== undefined) return { text: call.inverse() };
  return call.isStrict
    ? call.fail(`${call.name}: the value is not there, and there is no else`)
    : { text: "" };
}

function lookup(call: HelperCall): HelperResult {
  const [collection = null, key = null] = call.arguments;
  if (call.arguments.length < 2) call.fail("lookup: needs a list or an object, and where to look in it");
  let found: TemplateValue | undefined;
  if (isList(collection) && typeof key === "number") found = collection[key];
  else if (isObject(collection) && typeof key === "string") found = collection.get(key);
  if (found === undefined && call.isStrict) call.fail("lookup: there is no such value");
  return { value: found ?? null };
}

function lengthOf(value: TemplateValue): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  return isObject(value) ? value.size : 0;
}
