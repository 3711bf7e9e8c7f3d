/**
 * The script of a package: the phases in the configured order, then the whole rendered as one template. The text is
 * butido's to the byte, so that scripts that look at themselves, and keys made of them, stay the same.
 */

import type { Dependency, Package } from "./package.ts";
import type { RepositoryConfig } from "./repository-config.ts";
import { scriptHelpers } from "./script-helpers.ts";
import { parseTemplate } from "./templates/template-parser.ts";
import { renderTemplate } from "./templates/template-rendering.ts";
import { type Element, TemplateError } from "./templates/template-syntax.ts";
import { objectValue, type TemplateValue } from "./templates/template-value.ts";
import { unindented } from "./unindented.ts";

/** A mistake in a script, in the phase it stands in. */
export interface ScriptMistake {
  /** Undefined where the place is outside of all phases. */
  readonly phase: string | undefined;
  /** Line in the phase's text, from 0, and column in it without its indentation. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type ScriptRendering =
  | { readonly ok: true; readonly script: string }
  | { readonly ok: false; readonly mistake: ScriptMistake };

/** Renders scripts; packages that share their phases share what is parsed of them. */
export class ScriptRenderer {
  readonly #config: Pick<RepositoryConfig, "availablePhases" | "strictScripts">;
  readonly #shebang: string;
  readonly #parsed = new Map<string, readonly Element[]>();

  constructor(
    config: Pick<RepositoryConfig, "availablePhases" | "strictScripts" | "shebang">,
    shebang = config.shebang,
  ) {
    this.#config = config;
    this.#shebang = shebang;
  }

  render(item: Package): ScriptRendering {
    const template = this.#templateOf(item);
    try {
      const elements = this.#parsed.get(template) ?? parseTemplate(template);
      this.#parsed.set(template, elements);
      const options = { strict: this.#config.strictScripts, helpers: scriptHelpers };
      return { ok: true, script: renderTemplate(elements, templateValue(item), options) };
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      return { ok: false, mistake: mistakeIn(template, error) };
    }
  }

  #templateOf({ phases }: Package): string {
    const parts = this.#config.availablePhases.map((name) => {
      const text = phases.get(name);
      if (text === undefined) return `# No script for phase: ${name}\n`;
      return `${phaseStart(name)}\n${unindented(text)}\n### / ${name} phase\n\n`;
    });
    return `${this.#shebang}\n${parts.join("")}`;
  }
}

const PHASE_START = "### phase ";

function phaseStart(name: string): string {
  return `${PHASE_START}${name}`;
}

function mistakeIn(template: string, { offset, message }: TemplateError): ScriptMistake {
  const lines = template.slice(0, offset).split("\n");
  const start = lines.findLastIndex((line) => line.startsWith(PHASE_START));
  const column = lines.at(-1)!.length;
  if (start < 0) return { phase: undefined, line: 0, column, message };
  return {
    phase: lines[start]!.slice(PHASE_START.length),
    line: lines.length - 2 - start,
    column,
    message,
  };
}

/** A package as its script sees it. */
export function templateValue(item: Package): TemplateValue {
  return objectValue([
    ["name", item.name],
    ["version", item.version],
    ["version_is_semver", item.versionIsSemver],
    [
      "sources",
      objectValue(
        item.sources.map(({ id, url, hash, downloadManually }) => [
          id,
          objectValue([
            ["url", url],
            ["hash", objectValue(Object.entries(hash))],
            ["download_manually", downloadManually],
          ]),
        ]),
      ),
    ],
    [
      "dependencies",
      objectValue([
        ["build", item.dependencies.build.map(dependencyValue)],
        ["runtime", item.dependencies.runtime.map(dependencyValue)],
      ]),
    ],
    ["patches", item.patches],
    ["environment", item.environment && objectValue(item.environment)],
    ["allowed_images", item.allowedImages],
    ["denied_images", item.deniedImages],
    ["phases", objectValue([...item.phases].map(([name, text]) => [name, objectValue([["script", text]])]))],
    ["meta", item.meta && objectValue(item.meta)],
  ]);
}

function dependencyValue({ text, condition }: Dependency): TemplateValue {
  if (condition === undefined) return text;
  const { hasEnv, envEquals, inImage } = condition;
  return objectValue([
    ["name", text],
    [
      "condition",
      objectValue([
        ["has_env", hasEnv],
        ["env_eq", envEquals && objectValue(envEquals)],
        ["in_image", inImage],
      ]),
    ],
  ]);
}
