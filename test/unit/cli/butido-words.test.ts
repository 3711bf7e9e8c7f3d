import { describe, expect, it } from "vitest";
import { butidoRefusal } from "../../../coordinator/cli/butido-words.ts";
import { catalogue } from "../../../coordinator/cli/catalogue/catalogue.ts";

const fixOf = (line: string): string | undefined => butidoRefusal(line.split(" "))?.fix;

describe("words of butido's command line", () => {
  it("are answered by what they are called here", () => {
    expect(fixOf("db jobs -p zlib")).toBe("Use millrace jobs.");
    expect(fixOf("db job 1f2e --log")).toContain("millrace explain");
    expect(fixOf("endpoint host-1 ping")).toBe("Use millrace agents ping.");
    expect(fixOf("endpoint containers list")).toBe("Use millrace agents containers.");
    expect(fixOf("endpoint")).toContain("millrace agents");
    expect(fixOf("--db-url=localhost build a")).toContain("no database");
  });

  it("have a reason where there is nothing of the kind", () => {
    expect(butidoRefusal(["import", "butido"])).toMatchObject({
      code: "badInput",
      message: "the history in butido's database can't be taken over",
    });
  });

  it("leave alone what is a command here", () => {
    for (const { entries } of catalogue)
      for (const { name } of entries) expect(butidoRefusal([name, "db", "ping"])).toBeUndefined();
    expect(butidoRefusal([])).toBeUndefined();
  });
});
