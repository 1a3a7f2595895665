import { plain } from "./ansi";
import type { LinesPage } from "./pages";

/** One page of the log as plain text. */
function textOf(page: LinesPage): string {
  let text = "";
  for (let index = 0; index < page.length; index += 1) {
    const { at, attempt, kind, host, name, text: said, diff } = page.line(index);
    const when = Number.isNaN(at) ? "-" : new Date(at).toISOString();
    const what = [name, plain(said)].filter(Boolean).join(": ");
    text += `${when} ${attempt} ${kind} ${host ?? "-"} ${what}\n`;
    if (diff !== undefined) text += diff.endsWith("\n") ? diff : `${diff}\n`;
  }
  return text;
}

/** Hands a log over as a file. */
export function download(pages: LinesPage[], name: string): void {
  const url = URL.createObjectURL(new Blob(pages.map(textOf), { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80)}.log`;
  link.click();
  // The browser reads it after this.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
