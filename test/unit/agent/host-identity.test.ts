import { describe, expect, it } from "vitest";
import { hostIdentity, identityOf } from "../../../agent/runners/host-identity.ts";

describe("the identity of a host", () => {
  it("is its distribution, the version and the architecture", () => {
    const text = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n';
    expect(identityOf(text, "x86_64")).toBe("debian 12 x86_64");
  });

  it("takes quotes of either kind away", () => {
    expect(identityOf("ID='opensuse-leap'\nVERSION_ID='15.5'", "aarch64")).toBe("opensuse-leap 15.5 aarch64");
  });

  it("has no version where the distribution has none", () => {
    expect(identityOf("ID=void", "x86_64")).toBe("void x86_64");
    expect(identityOf("ID=arch\nBUILD_ID=rolling", "x86_64")).toBe("arch rolling x86_64");
  });

  it("is the system and the architecture where nothing says more", () => {
    expect(identityOf("", "x86_64")).toBe(`${process.platform} x86_64`);
    expect(hostIdentity()).not.toBe("");
  });
});
