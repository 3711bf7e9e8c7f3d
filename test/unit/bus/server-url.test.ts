import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseServerAddress, redactedAddress } from "../../../shared/bus/server-url.ts";
import { MillraceError } from "../../../shared/model/error.ts";

describe("server addresses", () => {
  test("fill in the scheme and the port", () => {
    expect(parseServerAddress("build-host")).toEqual({
      hosts: ["build-host:4222"],
      credentials: { kind: "none" },
      tls: false,
    });
  });

  test("name several servers, with the credentials of the first that has some", () => {
    expect(parseServerAddress("nats://a:1, nats://user:p%40ss@b:2,nats://x:y@[::1]:3")).toEqual({
      hosts: ["a:1", "b:2", "[::1]:3"],
      credentials: { kind: "password", user: "user", password: "p@ss" },
      tls: false,
    });
  });

  test("take a lone user part as a token", () => {
    expect(parseServerAddress("tls://s3cret@host")).toMatchObject({
      credentials: { kind: "token", token: "s3cret" },
      tls: true,
    });
  });

  test.each(["", " , ", "http://host", "nats://", "nats://host:99999"])("refuse %j as bad input", (text) => {
    expect(() => parseServerAddress(text)).toThrow(MillraceError);
  });

  test("carry any user and password through their escaped form", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, password) => {
        const url = `nats://${encodeURIComponent(user)}:${encodeURIComponent(password)}@host:1`;
        expect(parseServerAddress(url).credentials).toEqual({ kind: "password", user, password });
      }),
    );
  });

  test("never show credentials in messages", () => {
    expect(redactedAddress("nats://user:secret@a:1,tls://token@b")).toBe("nats://a:1,tls://b");
    expect(() => parseServerAddress("http://user:secret@host")).toThrow(/^(?!.*secret)/);
  });
});
