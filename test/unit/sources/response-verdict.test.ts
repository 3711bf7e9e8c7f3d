import { describe, expect, it } from "vitest";
import { contentWarning, judgeAnswer, validatorOf } from "../../../coordinator/sources/response-verdict.ts";

describe("the answer to a request for a source", () => {
  it.each([
    [200, {}, 0, { kind: "take", at: 0, total: undefined }],
    [200, { "content-length": "10" }, 5, { kind: "take", at: 0, total: 10 }],
    [206, { "content-range": "bytes 5-9/10" }, 5, { kind: "take", at: 5, total: 10 }],
    [206, { "content-range": "bytes 5-9/*" }, 5, { kind: "take", at: 5, total: undefined }],
  ])("%i with %j after %i bytes is taken as it says", (status, headers, offset, verdict) => {
    expect(judgeAnswer({ status, headers, offset })).toEqual(verdict);
  });

  it.each([
    [206, { "content-range": "bytes 4-9/10" }],
    [206, {}],
    [416, {}],
  ])("%i with %j does not continue what is there", (status, headers) => {
    expect(judgeAnswer({ status, headers, offset: 5 }).kind).toBe("startOver");
  });

  it.each([206, 416, 204, 301, 400, 401, 403, 404, 410])("%i to a request for all is final", (status) => {
    expect(judgeAnswer({ status, headers: {}, offset: 0 }).kind).toBe("never");
  });

  it.each([408, 425, 429, 500, 502, 503, 504])("%i holds for now", (status) => {
    const headers = { "retry-after": "7" };
    expect(judgeAnswer({ status, headers, offset: 0 })).toMatchObject({ kind: "later", afterMs: 7000 });
  });

  it("is known again by a strong ETag, or by its time, and by nothing weaker", () => {
    expect(validatorOf({ etag: '"a"', "last-modified": "then" })).toBe('"a"');
    expect(validatorOf({ etag: 'W/"a"', "last-modified": "then" })).toBe("then");
    expect(validatorOf({ etag: 'W/"a"' })).toBeUndefined();
  });

  it("is odd when it is a page, or when nobody says what it is", () => {
    expect(contentWarning({ "content-type": "text/html; charset=utf-8" })).toContain("web page");
    expect(contentWarning({})).toContain("did not say");
    expect(contentWarning({ "content-type": "application/x-gzip" })).toBeUndefined();
  });
});
