import type { Schemas } from "../../../../api/client";

/** Why an approval of the whole plan would be refused to whom may approve others, and what of it they may approve. */
export function deniedOf(request: Schemas["RequestAnswer"]): Schemas["Denied"] | undefined {
  return request.denied.find(({ call }) => call === "approve");
}
