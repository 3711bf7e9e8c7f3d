/** The values of YAML scalars by the core schema of YAML 1.2: `yes` is text, `0o17` a number, `1.10` one as well. */
import {
  boolCoreTag,
  floatCoreTag,
  intCoreTag,
  NOT_RESOLVED,
  nullCoreTag,
  type ScalarTagDefinition,
} from "js-yaml";
import type { SourceScalar } from "./source-tree.ts";

/** What a scalar can be. */
export type ScalarValue = SourceScalar["value"];
type ScalarTag = ScalarTagDefinition<Exclude<ScalarValue, string>>;

const scalarTags: ReadonlyMap<string, ScalarTag> = new Map<string, ScalarTag>([
  ["null", nullCoreTag],
  ["bool", boolCoreTag],
  ["int", intCoreTag],
  ["float", floatCoreTag],
]);

/** Whether a tag as it is written is one of the core schema's, in its short or its long form. */
export function isCoreTag(tag: string, name: string): boolean {
  return tag === `!!${name}` || tag === `!<tag:yaml.org,2002:${name}>`;
}

export type TaggedScalar =
  | { readonly ok: true; readonly value: ScalarValue }
  | { readonly ok: false; readonly message: string };

/** What a scalar with a tag is. */
export function taggedScalar(tag: string, text: string): TaggedScalar {
  if (tag === "!" || isCoreTag(tag, "str")) return { ok: true, value: text };
  for (const [name, scalarTag] of scalarTags) {
    if (!isCoreTag(tag, name)) continue;
    const value = scalarTag.resolve(text, true, scalarTag.tagName);
    if (value !== NOT_RESOLVED) return { ok: true, value };
    return { ok: false, message: `${JSON.stringify(text)} does not fit its tag ${tag}` };
  }
  return { ok: false, message: unknownTag(tag) };
}

/** What to say of a tag that is not of the core schema. */
export function unknownTag(tag: string): string {
  return `unknown tag ${tag}; a run file needs no tags`;
}

/** What a scalar without quotes is; only by its first character can it be anything but text. */
export function plainScalar(text: string): ScalarValue {
  const first = text.charAt(0);
  if ((first >= "0" && first <= "9") || first === "-" || first === "+" || first === ".") {
    return resolved(text, intCoreTag) ?? resolved(text, floatCoreTag) ?? text;
  }
  if (first === "" || first === "~" || first === "n" || first === "N") {
    return nullCoreTag.resolve(text, false, nullCoreTag.tagName) === NOT_RESOLVED ? text : null;
  }
  return "tTfF".includes(first) ? (resolved(text, boolCoreTag) ?? text) : text;
}

function resolved<V>(text: string, tag: ScalarTagDefinition<V>): V | undefined {
  const value = tag.resolve(text, false, tag.tagName);
  return value === NOT_RESOLVED ? undefined : value;
}
