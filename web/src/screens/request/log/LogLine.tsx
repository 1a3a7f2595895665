import { memo, useLayoutEffect, useRef } from "react";

import { Copy } from "../../../parts/Copy";
import { plain } from "./ansi";
import { lookOf } from "./kinds";
import { LineDiff } from "./LineDiff";
import { Marked } from "./Marked";
import type { Line } from "./pages";
import { nameOf } from "./rows";
import { clock, exactly } from "./time";

/** More of a text is shown only where its line is opened. */
const LONGEST = 400;

interface Props {
  line: Line;
  start: number;
  current: boolean;
  open: boolean;
  search: RegExp | undefined;
  /** Whether several attempts said something, so that each line says which. */
  attempts: boolean;
  href: string;
  onPick: (line: Line) => void;
  onOpen: (line: Line) => void;
  onHeight: (name: string, height: number) => void;
}

/** What was said under a number stays as it is, so that a line is drawn again only when it is looked at in another way. */
function isSame({ line: before, ...old }: Props, { line, ...now }: Props): boolean {
  if (before.attempt !== line.attempt || before.seq !== line.seq) return false;
  return (Object.keys(now) as (keyof typeof now)[]).every((name) => old[name] === now[name]);
}

export const LogLine = memo(function LogLine(props: Props) {
  const { line, start, current, open, search, attempts, href, onPick, onOpen } = props;
  const { sign, word, tone } = lookOf(line.kind);
  const first = firstOf(line.text);
  const more =
    line.diff !== undefined ? "diff" : first.length < line.text.length || line.text.length > 90 ? "more" : "";
  return (
    <div className={`log-line ${tone}${current ? " current" : ""}`} aria-current={current ? "true" : undefined}>
      <div className="log-row" onClick={() => onPick(line)}>
        <a
          className="log-time"
          href={href}
          title={exactly(line.at)}
          aria-label={`${attempts ? `#${line.attempt} ` : ""}${clock(line.at - start)}, line ${nameOf(line)}`}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
          }}
        >
          {attempts && <span className="log-attempt">#{line.attempt} </span>}
          {clock(line.at - start)}
        </a>
        <span className="log-word">
          <span aria-hidden="true">{sign}</span> {word}
        </span>
        <span className="log-host" title={line.host}>
          {line.host !== undefined && <Marked text={line.host} search={search} />}
        </span>
        <span className="log-text">
          {line.name !== undefined && (
            <span className="log-name">
              <Marked text={line.name} search={search} />
            </span>
          )}
          {first !== "" && <Marked text={first} search={search} />}
        </span>
        {more !== "" && (
          <button
            type="button"
            className="log-more"
            aria-expanded={open}
            onClick={(event) => {
              event.stopPropagation();
              onOpen(line);
            }}
          >
            {open ? "less" : more}
          </button>
        )}
      </div>
      {open && <Opened {...props} />}
    </div>
  );
}, isSame);

function firstOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const first = end === -1 ? text : text.slice(0, end);
  return first.length > LONGEST ? `${first.slice(0, LONGEST)}…` : first;
}

function Opened({ line, search, href, onHeight }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const name = nameOf(line);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => onHeight(name, element.offsetHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, [name, onHeight]);
  return (
    <div className="log-opened" ref={box}>
      <p className="faint">
        {exactly(line.at)} · attempt {line.attempt}, line {line.seq}
        {line.host !== undefined && ` · ${line.host}`}
      </p>
      {line.text !== "" && (
        <pre className="log-whole" tabIndex={0} role="group" aria-label="What it said">
          <Marked text={line.text} search={search} />
        </pre>
      )}
      {line.diff !== undefined && <LineDiff text={line.diff} />}
      <p className="row">
        <Copy text={[line.name, plain(line.text), line.diff].filter(Boolean).join("\n")} label="Copy the line" />
        <Copy text={new URL(href, location.href).href} label="Copy a link to it" />
      </p>
    </div>
  );
}
