/**
 * Where a source may be fetched: the URL its package names, then mirrors. A mirror is a template of a URL; one that is
 * just `{url}` stands for the package's own, which puts mirrors before it.
 */
import { MillraceError } from "../../shared/model/error.ts";
import { didYouMean } from "../../shared/model/nearest-name.ts";
import type { CachedSource } from "./source-cache.ts";

const OWN = "{url}";

type Fill = (source: CachedSource, url: URL) => string;

const placeholders = new Map<string, Fill>([
  ["url", (_, url) => url.href],
  ["host", (_, url) => url.host],
  ["path", (_, url) => url.pathname.slice(1)],
  ["file", (_, url) => url.pathname.slice(url.pathname.lastIndexOf("/") + 1)],
  ["name", ({ package: { name } }) => encodeURIComponent(name)],
  ["version", ({ package: { version } }) => encodeURIComponent(version)],
  ["id", ({ source: { id } }) => encodeURIComponent(id)],
  ["hash", ({ source: { hash } }) => hash.hash.toLowerCase()],
  ["hashType", ({ source: { hash } }) => hash.type],
]);

/** Throws `badInput` when a template names what no source has, or can't become a URL. */
export function checkMirror(template: string): string {
  for (const [, name = ""] of template.matchAll(/\{([^}]*)\}/g)) {
    if (placeholders.has(name)) continue;
    throw new MillraceError(
      "badInput",
      `mirror ${template}: there is no {${name}}${didYouMean(name, placeholders.keys())}`,
      { fix: `Use ${[...placeholders.keys()].map((key) => `{${key}}`).join(", ")}.` },
    );
  }
  const [, inHost] = /^https?:\/\/[^/]*\{(path|file|url)\}/.exec(template) ?? [];
  if (inHost !== undefined) {
    throw new MillraceError("badInput", `mirror ${template}: {${inHost}} would be part of the host's name`, {
      fix: `Put a slash before {${inHost}}, which does not begin with one.`,
    });
  }
  if (template !== OWN) httpUrl(template.replace(/\{[^}]*\}/g, "x"), `mirror ${template}`);
  return template;
}

/** The addresses of a source, in the order to try them; throws `badInput` when its package names none that can be fetched. */
export function addressesOf(cached: CachedSource, mirrors: readonly string[]): readonly string[] {
  const { package: owner, source } = cached;
  const own = httpUrl(source.url, `source ${source.id} of package ${owner.name} ${owner.version}`);
  const templates = mirrors.includes(OWN) ? mirrors : [OWN, ...mirrors];
  const urls = templates.map((template) =>
    template.replace(/\{([^}]*)\}/g, (_, name: string) => placeholders.get(name)?.(cached, own) ?? ""),
  );
  return [...new Set(urls)];
}

function httpUrl(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new MillraceError("badInput", `${what}: ${JSON.stringify(text)} is no http or https URL`, {
    fix: "Name one that begins with http:// or https://.",
  });
}
