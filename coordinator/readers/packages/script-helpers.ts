/** The helpers that scripts of packages have beside the standard ones: they write what the agent reads in the log. */
import { type Helper, operand, textOperand } from "./templates/template-helper.ts";
import { printed } from "./templates/template-value.ts";

const prefix = "#BUTIDO:";

/** By name. */
export const scriptHelpers: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ["phase", (call) => ({ text: `echo '${prefix}PHASE:${textOperand(call, 0)}'` })],
  [
    "state",
    (call) => {
      const state = textOperand(call, 0);
      if (state === "OK") return { text: `echo '${prefix}STATE:OK'` };
      if (state !== "ERR") call.fail(`state: must be "OK" or "ERR"; found ${JSON.stringify(state)}`);
      if (call.arguments.length < 2) call.fail('state: "ERR" needs a message after it');
      return { text: `echo '${prefix}STATE:ERR:${printed(call.arguments[1] ?? null)}'` };
    },
  ],
  [
    "progress",
    (call) => {
      const progress = operand(call, 0);
      if (typeof progress !== "number" || !Number.isInteger(progress)) {
        return call.fail("progress: must be a whole number");
      }
      return { text: `echo '${prefix}PROGRESS:${progress}'` };
    },
  ],
  ["join", (call) => ({ text: call.arguments.map((_, index) => textOperand(call, index)).join("") })],
  [
    "joinwith",
    (call) => {
      const [separator = "", ...texts] = call.arguments.map((_, index) => textOperand(call, index));
      if (call.arguments.length === 0) call.fail("joinwith: needs what to put between the texts");
      return { text: texts.join(separator) };
    },
  ],
]);
