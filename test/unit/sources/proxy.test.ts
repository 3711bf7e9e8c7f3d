import { describe, expect, it } from "vitest";
import { proxiesOf } from "../../../coordinator/sources/proxy.ts";

function proxyOf(address: string, environment: Record<string, string>): string | undefined {
  return proxiesOf(environment)(new URL(address))?.host;
}

describe("the proxy for an address", () => {
  it("is the one for its scheme, in small letters or large ones, or the one for all", () => {
    const environment = { http_proxy: "http://plain:3128", HTTPS_PROXY: "secure:3128" };
    expect(proxyOf("http://a.example", environment)).toBe("plain:3128");
    expect(proxyOf("https://a.example", environment)).toBe("secure:3128");
    expect(proxyOf("https://a.example", { ALL_PROXY: "http://all:1" })).toBe("all:1");
    expect(proxyOf("https://a.example", { http_proxy: "http://plain:3128" })).toBeUndefined();
    expect(proxyOf("http://a.example", { http_proxy: "" })).toBeUndefined();
  });

  it.each([
    ["*", true],
    ["example.org", true],
    [".example.org", true],
    ["other.net, sources.example.org", true],
    ["sources.example.org:8080", true],
    ["sources.example.org:80", false],
    ["ample.org", false],
    ["", false],
  ])("is none where no_proxy %j covers it: %s", (list, isDirect) => {
    const environment = { http_proxy: "http://plain:3128", no_proxy: list };
    expect(proxyOf("http://sources.example.org:8080/x", environment) === undefined).toBe(isDirect);
  });

  it("is refused when it is not spoken to by HTTP", () => {
    expect(() => proxiesOf({ https_proxy: "socks5://me:secret@proxy:1080" })).toThrow(
      "the proxy in https_proxy is no http:// URL",
    );
  });
});
