import { useState } from "react";

/** Something to be copied, such as a command: the text, and a button that does it. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className="quiet"
      onClick={() => {
        void copy(text).then((copied) => {
          setDone(copied);
          setTimeout(() => setDone(false), 2000);
        });
      }}
    >
      {done ? "Copied" : label}
    </button>
  );
}

/** The clipboard of a page that is not on https is reached only through a selection. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

export function Command({ text }: { text: string }) {
  return (
    <span className="command">
      <code>{text}</code> <Copy text={text} />
    </span>
  );
}
