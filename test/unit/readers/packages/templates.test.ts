import { describe, expect, test } from "vitest";
import { scriptHelpers } from "../../../../coordinator/readers/packages/script-helpers.ts";
import { parseTemplate } from "../../../../coordinator/readers/packages/templates/template-parser.ts";
import { renderTemplate } from "../../../../coordinator/readers/packages/templates/template-rendering.ts";
import { TemplateError } from "../../../../coordinator/readers/packages/templates/template-syntax.ts";
import {
  objectValue,
  type TemplateValue,
} from "../../../../coordinator/readers/packages/templates/template-value.ts";

/** Plain data as a value of templates. */
function asValue(data: unknown): TemplateValue {
  if (Array.isArray(data)) return data.map(asValue);
  if (typeof data === "object" && data !== null) {
    return objectValue(Object.entries(data).map(([key, value]) => [key, asValue(value)]));
  }
  return data as TemplateValue;
}

function rendered(template: string, data: unknown = {}, strict = true): string {
  return renderTemplate(parseTemplate(template), asValue(data), { strict, helpers: scriptHelpers });
}

/** The place and the words of a mistake. */
function mistake(template: string, data: unknown = {}, strict = true): string {
  try {
    return `no mistake: ${rendered(template, data, strict)}`;
  } catch (error) {
    if (error instanceof TemplateError) return `${error.offset}: ${error.message}`;
    throw error;
  }
}

describe("a value", () => {
  test.each([
    ["{{a}}", "<&>"],
    ["{{{a}}}", "<&>"],
    ["{{&a}}", "<&>"],
    ["{{ this.a }}", "<&>"],
    ["{{list}}", "[1, [two], , [object]]"],
    ["{{object}}", "[object]"],
    ["{{flag}} {{nothing}}|{{number}}", "false |1.5"],
    ["{{list.0}} {{list.[0]}} {{this.list.1.0}}", "1 1 two"],
    ["{{object.b-c}} {{object.[x y]}} {{object/b-c}}", "1 2 1"],
    ["{{@root.a}}", "<&>"],
  ])("is printed by %s", (template, text) => {
    const data = {
      a: "<&>",
      list: [1, ["two"], null, {}],
      object: { "b-c": 1, "x y": 2 },
      flag: false,
      nothing: null,
      number: 1.5,
    };
    expect(rendered(template, data)).toBe(text);
  });

  test("that is not there fails in strict mode alone", () => {
    expect(mistake("12{{this.a.b}}", { a: {} })).toBe("4: this.a.b is not there");
    expect(rendered("12{{this.a.b}}", { a: {} }, false)).toBe("12");
    expect(rendered("{{constructor}}{{toString}}", {}, false)).toBe("");
  });

  test("of a list has a number for a name, in any mode", () => {
    expect(mistake("{{list.size}}", { list: [] }, false)).toBe('2: "size" is no position in a list');
  });
});

describe("a condition", () => {
  test.each([
    ["", false],
    ["x", true],
    [0, false],
    [1, true],
    [[], false],
    [[0], true],
    [{}, false],
    [{ a: 1 }, true],
    [null, false],
    [true, true],
  ])("goes by what is there: %j is %j", (value, holds) => {
    expect(rendered("{{#if v}}yes{{else}}no{{/if}}", { v: value })).toBe(holds ? "yes" : "no");
    expect(rendered("{{#unless v}}yes{{else}}no{{/unless}}", { v: value })).toBe(holds ? "no" : "yes");
    expect(rendered("{{not v}}", { v: value })).toBe(String(!holds));
  });

  test("that is not there does not hold, also in strict mode", () => {
    expect(rendered("{{#if a.b.c}}yes{{/if}}{{#if x}}{{else}}no{{/if}}")).toBe("no");
  });

  test("with a number in brackets after a path has two arguments, the second of which does nothing", () => {
    const template = "{{#if this.patches[0]}}patched{{/if}}";
    expect(rendered(template, { patches: ["a"] })).toBe("patched");
    expect(rendered(template, { patches: [] })).toBe("");
  });

  test("may be one of a chain", () => {
    const template = "{{#if (eq a 1)}}one{{else if (eq a 2)}}two{{else}}many{{/if}}";
    expect([1, 2, 3].map((a) => rendered(template, { a }))).toEqual(["one", "two", "many"]);
  });

  test("counts zero when told to", () => {
    expect(rendered("{{#if v includeZero=true}}yes{{/if}}", { v: 0 })).toBe("yes");
  });
});

describe("each", () => {
  test("goes through lists with their positions", () => {
    const template =
      "{{#each l}}{{@index}}:{{this}}{{#unless @last}},{{/unless}}{{#if @first}}!{{/if}}{{/each}}";
    expect(rendered(template, { l: ["a", "b", "c"] })).toBe("0:a,!1:b,2:c");
  });

  test("goes through objects by their sorted keys", () => {
    expect(rendered("{{#each o}}{{@key}}={{this}} {{/each}}", { o: { b: 1, a: 2, "10": 3 } })).toBe(
      "10=3 a=2 b=1 ",
    );
  });

  test("names values and keys, and sees what is around", () => {
    expect(
      rendered(
        "{{#each l as |v i|}}{{i}}{{v.n}}{{../x}}{{@root.x}}{{#each v.m}}{{@../index}}{{../n}}{{../../x}}{{/each}}{{/each}}",
        {
          l: [{ n: "a", m: [0] }],
          x: "X",
        },
      ),
    ).toBe("0aXX0aX");
  });

  test("takes its else for what is empty or not there, and fails in strict mode without one", () => {
    expect(rendered("{{#each l}}x{{else}}none{{/each}}", { l: [] })).toBe("none");
    expect(rendered("{{#each l}}x{{/each}}", { l: [] })).toBe("");
    expect(rendered("{{#each gone}}x{{else}}none{{/each}}")).toBe("none");
    expect(mistake("{{#each gone}}x{{/each}}")).toBe("3: each: the value is not there, and there is no else");
    expect(rendered("{{#each gone}}x{{/each}}", {}, false)).toBe("");
  });
});

describe("with and lookup", () => {
  test("go into a value", () => {
    const data = { o: { a: 1 }, l: ["x"], k: "a" };
    expect(rendered("{{#with o}}{{a}}{{../k}}{{/with}}{{#with o as |p|}}{{p.a}}{{/with}}", data)).toBe("1a1");
    expect(rendered("{{lookup o k}}{{lookup l 0}}{{len (lookup l 0)}}", data)).toBe("1x1");
    expect(rendered("{{#with gone}}x{{else}}no{{/with}}")).toBe("no");
    expect(mistake("{{#with gone}}x{{/with}}")).toContain("with: the value is not there");
    expect(mistake("{{lookup l 7}}", data)).toContain("lookup: there is no such value");
  });
});

describe("helpers that compare", () => {
  test.each([
    ['{{eq a "1"}} {{ne a "1"}} {{eq n 1}} {{eq a n}}', "true false true false"],
    ["{{gt n 0}} {{gte n 1}} {{lt n 1}} {{lte n 1}}", "true true false true"],
    ['{{gt a "0"}} {{lt a 2}} {{gt 2 a}} {{gt a "x"}} {{gt a true}}', "true true true false false"],
    ["{{and a n}} {{and a z}} {{or z a}} {{or z gone}} {{and}}", "true false true false true"],
    ["{{len a}} {{len l}} {{len n}} {{len 'é'}}", "1 2 0 2"],
    ["{{#eq a '1'}}yes{{else}}no{{/eq}}", "yes"],
    ["{{eq l l}} {{eq (len l) 2}}", "true true"],
  ])("%s", (template, text) => {
    expect(rendered(template, { a: "1", n: 1, z: 0, l: [1, 2] })).toBe(text);
  });

  test("need what they compare in strict mode", () => {
    expect(mistake("{{#if (eq gone 1)}}{{/if}}")).toBe("7: eq: argument 1 is not there");
    expect(rendered("{{#if (eq gone null)}}null{{/if}}", {}, false)).toBe("null");
  });
});

describe("the helpers of scripts", () => {
  test.each([
    ['{{phase "build"}}', "echo '#BUTIDO:PHASE:build'"],
    ['{{state "OK"}}', "echo '#BUTIDO:STATE:OK'"],
    ['{{state "ERR" "no such file"}}', "echo '#BUTIDO:STATE:ERR:no such file'"],
    ['{{state "ERR" l}}', "echo '#BUTIDO:STATE:ERR:[a, b]'"],
    ["{{progress 50}} {{progress n}}", "echo '#BUTIDO:PROGRESS:50' echo '#BUTIDO:PROGRESS:-1'"],
    ['{{join "a" this.s "c"}} {{joinwith ", " "a" s}} {{joinwith "-"}}', "axc a, x "],
    ['{{join "a\\n\\"b\\u0041" \'it\\\'s "q"\'}}', 'a\n"bAit\'s "q"'],
  ])("%s", (template, text) => {
    expect(rendered(template, { s: "x", n: -1, l: ["a", "b"] })).toBe(text);
  });

  test.each([
    ['{{state "ok"}}', '2: state: must be "OK" or "ERR"; found "ok"'],
    ['{{state "ERR"}}', '2: state: "ERR" needs a message after it'],
    ["{{progress 1.5}}", "2: progress: must be a whole number"],
    ['{{join "a" 1}}', "2: join: argument 2 must be text"],
    ["{{phase gone}}", "2: phase: argument 1 must be text"],
    ["{{stat 1}}", '2: there is no helper "stat"; did you mean "state"?'],
  ])("%s is a mistake", (template, message) => {
    expect(mistake(template)).toBe(message);
  });
});

describe("white space", () => {
  test("goes with a tag that stands alone on its line", () => {
    expect(rendered("a\n  {{#if t}}  \n  b\n  {{else}}\n  c\n  {{/if}}\nd", { t: 1 })).toBe("a\n  b\nd");
    expect(rendered("{{#each l}}\n- {{this}}\n{{/each}}\nend", { l: [1, 2] })).toBe("- 1\n- 2\nend");
    expect(rendered("a\n {{! note }} \nb\n{{!-- }} --}}\nc")).toBe("a\nb\nc");
  });

  test("stays where anything else is on the line", () => {
    expect(rendered("a\n  {{#if t}}b{{/if}}\n  {{t}}\nd", { t: 1 })).toBe("a\n  b\n  1\nd");
    expect(rendered("x {{#if t}}\nb\n{{/if}} y", { t: 1 })).toBe("x \nb\n y");
  });

  test("goes on the side of a ~", () => {
    expect(rendered("a \n {{~t}} \n b {{t~}} \n c", { t: 1 })).toBe("a1 \n b 1c");
    expect(rendered("a {{~#if t~}} b {{~/if~}} c", { t: 1 })).toBe("abc");
    expect(rendered("a {{~{t}~}} b", { t: 1 })).toBe("a1b");
  });
});

describe("braces", () => {
  test("are text after a backslash, and a backslash is text before another", () => {
    expect(rendered("\\{{a}} \\\\{{a}} \\\\\\{{a}} {a} } }}", { a: 1 })).toBe("{{a}} \\1 \\\\1 {a} } }}");
    const shell = "$" + "{HOME} $(( 1 ))";
    expect(rendered(shell)).toBe(shell);
  });

  test("are text in a raw block", () => {
    expect(rendered("{{{{raw}}}} {{x}} {{#if}} {{{{/raw}}}}!")).toBe(" {{x}} {{#if}} !");
  });
});

describe("a broken template", () => {
  test.each([
    ["ab{{#if x}}", "5: {{#if}} is not closed"],
    ["{{#if x}}{{/each}}", "9: {{/each}} stands where {{#if}} must be closed"],
    ["{{/if}}", "0: {{/if}} closes nothing"],
    ["{{else}}", "0: {{else}} stands in no block"],
    ["{{foo", "5: expected }}"],
    ["{{}}", "2: expected a name"],
    ["{{a b=}}", "6: expected the value of b"],
    ["{{> partial}}", "3: partials and decorators are not supported"],
    ["{{! never closed", "0: this comment is not closed"],
    ["{{{{raw}}}} x", "0: this raw block is not closed"],
    ["{{this.}}", "7: expected a name"],
  ])("%s is told with its place", (template, message) => {
    expect(mistake(template, { x: 1 })).toBe(message);
  });
});
