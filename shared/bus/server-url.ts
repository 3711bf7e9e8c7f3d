/**
 * The address of the servers as users write it: one URL or several with commas between,
 * `nats://user:password@host:4222`, `nats://token@host`, `tls://host`, or only `host:port`. The first credentials
 * found count for all.
 */
import { MillraceError } from "../model/error.ts";

export interface ServerAddress {
  /** `host:port`, IPv6 in brackets. */
  readonly hosts: readonly string[];
  readonly credentials: Credentials;
  readonly tls: boolean;
}

type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string };

const DEFAULT_PORT = 4222;
const schemes = new Set(["nats:", "tls:"]);

/** Reads an address, or says which part of it cannot be one. */
export function parseServerAddress(text: string): ServerAddress {
  const urls = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseUrl);
  if (urls.length === 0) throw badAddress(text, "it is empty");
  return {
    hosts: urls.map((url) => `${url.hostname}:${url.port === "" ? DEFAULT_PORT : url.port}`),
    credentials: urls.map(credentialsOf).find(({ kind }) => kind !== "none") ?? { kind: "none" },
    tls: urls.some((url) => url.protocol === "tls:"),
  };
}

/** The address without what must stay secret, for messages and logs. */
export function redactedAddress(text: string): string {
  return text.replace(/[^/,\s]*@/g, "");
}

function parseUrl(text: string): URL {
  const withScheme = text.includes("://") ? text : `nats://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch (cause) {
    throw badAddress(text, "it is not a URL", cause);
  }
  if (!schemes.has(url.protocol)) throw badAddress(text, `its scheme is ${url.protocol}`);
  if (url.hostname === "") throw badAddress(text, "it names no host");
  return url;
}

function credentialsOf(url: URL): Credentials {
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  if (user === "" && password === "") return { kind: "none" };
  return password === "" ? { kind: "token", token: user } : { kind: "password", user, password };
}

function badAddress(text: string, problem: string, cause?: unknown): MillraceError {
  return new MillraceError("badInput", `not a server address: ${redactedAddress(text)}: ${problem}`, {
    fix: "Give nats://host:4222, nats://user:password@host:4222 or tls://host:4222.",
    cause,
  });
}
