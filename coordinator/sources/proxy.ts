/** Proxies for HTTP, as the usual variables name them: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`. */
import { type ClientRequest, type RequestOptions, request as requestPlain } from "node:http";
import type { Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";

/** Gives the proxy for an address; undefined where there is to be none. */
export type ProxyFor = (url: URL) => URL | undefined;

/** Throws `badInput` for a proxy that is not spoken to by HTTP. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): ProxyFor {
  const variable = (name: string): string | undefined =>
    environment[name] || environment[name.toUpperCase()] || undefined;
  const named = (name: string): URL | undefined => {
    const text = variable(name) ?? variable("all_proxy");
    return text === undefined ? undefined : proxyUrl(name, text);
  };
  const proxies = new Map([
    ["http:", named("http_proxy")],
    ["https:", named("https_proxy")],
  ]);
  const direct = (variable("no_proxy") ?? "").split(",").map((host) => host.trim().toLowerCase());
  return (url) => (direct.some((host) => covers(host, url)) ? undefined : proxies.get(url.protocol));
}

function proxyUrl(variable: string, text: string): URL {
  const withScheme = text.includes("://") ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url?.protocol === "http:") return url;
  throw new MillraceError("badInput", `the proxy in ${variable} is no http:// URL`, {
    fix: "Name a proxy that is spoken to by HTTP, or unset the variable.",
  });
}

/** `example.org` and `.example.org` are that host and all below it, `*` every one; a port narrows it down. */
function covers(entry: string, { hostname, host }: URL): boolean {
  const name = entry.replace(/^\*?\./, "");
  if (name === "") return false;
  return name === "*" || [hostname, host].some((own) => own === name || own.endsWith(`.${name}`));
}

export interface ThroughSettings {
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/** What makes a request go through a proxy: plain ones are sent to it, others get a tunnel. */
export async function throughProxy(
  url: URL,
  proxy: URL | undefined,
  settings: ThroughSettings,
): Promise<{ readonly options: RequestOptions; readonly headers: Readonly<Record<string, string>> }> {
  if (proxy === undefined) return { options: {}, headers: {} };
  if (url.protocol === "http:") {
    const path = `${url.origin}${url.pathname}${url.search}`;
    return { options: { ...placeOf(proxy), path }, headers: { host: url.host, ...authorization(proxy) } };
  }
  const socket = await tunnel(url, proxy, settings);
  return {
    options: { createConnection: () => connectSecure({ socket, servername: url.hostname }) },
    headers: {},
  };
}

function tunnel(url: URL, proxy: URL, { stallMs, signal }: ThroughSettings): Promise<Socket> {
  const target = `${url.hostname}:${url.port || 443}`;
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = requestPlain({
      ...placeOf(proxy),
      method: "CONNECT",
      path: target,
      headers: { host: target, ...authorization(proxy) },
      timeout: stallMs,
      signal,
    });
    asked.on("connect", ({ statusCode }, socket) => {
      if (statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(new MillraceError("unavailable", `the proxy ${proxy.host} answered ${statusCode}`));
      }
    });
    asked.on("timeout", () => asked.destroy(new Error(`nothing came for ${stallMs / 1000} s`)));
    asked.on("error", (cause) => {
      const reason = `the proxy ${proxy.host} can't be used: ${reasonOf(cause)}`;
      reject(signal.aborted ? signal.reason : new MillraceError("unavailable", reason, { cause }));
    });
    asked.end();
  });
}

function placeOf(proxy: URL): { readonly hostname: string; readonly port: number } {
  return { hostname: proxy.hostname.replace(/^\[|\]$/g, ""), port: Number(proxy.port || 80) };
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(words).toString("base64")}` };
}
