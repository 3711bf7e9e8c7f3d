import { userInfo } from "node:os";

/** Who asks, for those who look at runs; empty for a user id without an account, which has no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}
