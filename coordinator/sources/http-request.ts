/**
 * One GET over HTTP, redirects followed, with the body as it was sent. Not `fetch`: that one unpacks what a server
 * calls `Content-Encoding: gzip`, as many do with a `.tar.gz`, and the hash is that of the packed file.
 */
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { version } from "../../shared/model/version.ts";
import { type ProxyFor, throughProxy } from "./proxy.ts";

const MAX_REDIRECTS = 10;
const redirects = new Set([301, 302, 303, 307, 308]);

export interface RequestSettings {
  readonly headers: Readonly<Record<string, string>>;
  /** Nothing received for so long ends the request. */
  readonly stallMs: number;
  readonly proxyFor: ProxyFor;
  readonly signal: AbortSignal;
}

/** The answer at the end of the redirects. Throws `refused` when they can't be followed, `unavailable` otherwise. */
export async function request(address: string, settings: RequestSettings): Promise<IncomingMessage> {
  let url = new URL(address);
  for (let followed = 0; followed <= MAX_REDIRECTS; followed++) {
    const response = await requestOnce(url, settings);
    const { location } = response.headers;
    if (!redirects.has(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    url = redirected(url, location);
  }
  throw new MillraceError("refused", `more than ${MAX_REDIRECTS} redirects`);
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to?.protocol === "http:" || to?.protocol === "https:") return to;
  throw new MillraceError(
    "refused",
    `redirected to ${JSON.stringify(location)}, which is no http or https URL`,
  );
}

async function requestOnce(url: URL, settings: RequestSettings): Promise<IncomingMessage> {
  const { stallMs, signal } = settings;
  const get = url.protocol === "https:" ? getSecure : getPlain;
  const through = await throughProxy(url, settings.proxyFor(url), settings);
  const headers = {
    "user-agent": `millrace/${version}`,
    "accept-encoding": "identity",
    ...settings.headers,
    ...through.headers,
  };
  const options = { headers, timeout: stallMs, signal, ...through.options };
  return await new Promise((resolve, reject) => {
    let answered: IncomingMessage | undefined;
    const sent = get(url, options, (response) => {
      answered = response;
      resolve(response);
    });
    // The body, too, is given up when nothing more comes of it.
    sent.on("timeout", () => (answered ?? sent).destroy(new Error(`nothing came for ${stallMs / 1000} s`)));
    sent.on("error", (cause) => {
      reject(signal.aborted ? signal.reason : new MillraceError("unavailable", reasonOf(cause), { cause }));
    });
  });
}
