/** A piece of text with the classes of its look. */
export interface Span {
  text: string;
  className: string;
}

// CSI, OSC and the other escape sequences, and lone control characters but tab and line feed.
const CONTROLS =
  /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[PX^_][^\u001b]*(?:\u001b\\)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

interface Pen {
  colour: string | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underlined: boolean;
}

const CLEAN: Pen = { colour: undefined, bold: false, dim: false, italic: false, underlined: false };

export function hasControls(text: string): boolean {
  CONTROLS.lastIndex = 0;
  return CONTROLS.test(text);
}

/** The text alone. */
export function plain(text: string): string {
  return text.replace(CONTROLS, "");
}

/** Text with the colours and weights that its SGR sequences ask for; every other control sequence is left out. */
export function spansOf(text: string): Span[] {
  if (!hasControls(text)) return [{ text, className: "" }];
  const spans: Span[] = [];
  let pen = CLEAN;
  let from = 0;
  const put = (until: number) => {
    if (until > from) spans.push({ text: text.slice(from, until), className: classOf(pen) });
  };
  // Matching goes on where an expression has stopped before.
  CONTROLS.lastIndex = 0;
  for (const found of text.matchAll(CONTROLS)) {
    put(found.index);
    from = found.index + found[0].length;
    if (found[2] === "m") pen = drawn(pen, found[1] ?? "");
  }
  put(text.length);
  return spans;
}

function classOf({ colour, bold, dim, italic, underlined }: Pen): string {
  const names = [colour, bold && "bold", dim && "dim", italic && "italic", underlined && "underlined"];
  return names
    .filter((name) => typeof name === "string")
    .map((name) => `ansi-${name}`)
    .join(" ");
}

/** The pen after one SGR sequence. */
function drawn(before: Pen, parameters: string): Pen {
  let pen = { ...before };
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) pen = { ...CLEAN };
    else if (code === 1) pen.bold = true;
    else if (code === 2) pen.dim = true;
    else if (code === 3) pen.italic = true;
    else if (code === 4) pen.underlined = true;
    else if (code === 22) pen = { ...pen, bold: false, dim: false };
    else if (code === 23) pen.italic = false;
    else if (code === 24) pen.underlined = false;
    else if (code === 39) pen.colour = undefined;
    else if (code >= 30 && code <= 37) pen.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) pen.colour = COLOURS[code - 90];
    // Colours of larger palettes take the next numbers with them and are left as they are.
    else if (code === 38 || code === 48) at += codes[at + 1] === 2 ? 4 : 2;
  }
  return pen;
}
