import type { Schemas } from "../../../../api/client";
import { fields, text, texts } from "../../../../api/reading";

/** An answer that a question offers: what its button says, and what is answered. */
export interface Choice {
  label: string;
  answer: string;
}

const LISTED = /There are: (.+?)\.(?:\s|$)/;
const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth"];
const WHICH = "Which of these is meant: ";
const MOST = 8;

/** What could be answered to what a request asks. */
export function choicesOf(request: Schemas["RequestAnswer"]): Choice[] {
  const details = fields(fields(request.error).details);
  const offered = [details.choices, details.options, details.examples].flatMap(texts);
  if (offered.length > 0) return offered.slice(0, MOST).map(same);
  const missing = text(details.host);
  if (missing !== undefined) return corrected(request, missing, texts(details.known));
  const question = request.waiting_for?.text ?? request.messages.findLast(({ from }) => from === "chiffon")?.text ?? "";
  if (question.startsWith(WHICH)) return rivals(question.slice(WHICH.length));
  const listed = LISTED.exec(question)?.[1]?.split(", ") ?? [];
  return listed.length > MOST ? [] : listed.map(same);
}

function same(answer: string): Choice {
  return { label: answer, answer };
}

/** The same sentence with a host that there is. */
function corrected(request: Schemas["RequestAnswer"], missing: string, known: string[]): Choice[] {
  const said =
    request.messages.findLast(({ from, text }) => from === "user" && text.includes(missing))?.text ?? request.text;
  return known.slice(0, MOST).map((host) => same(said.replace(missing, () => host)));
}

/** `Add portals (add_portals, as in "…"); Deploy Kuma (deploy_kuma)? Say "the first one" …` */
function rivals(list: string): Choice[] {
  const titles = list.split("; ").map((each) => each.split(" (")[0] ?? "");
  return titles.slice(0, ORDINALS.length).map((label, at) => ({ label, answer: `the ${ORDINALS[at]} one` }));
}
