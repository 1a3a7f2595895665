const LONGEST = 600;

/** A text of a program: what is very long is folded behind its beginning. */
export function LongText({ text }: { text: string }) {
  if (text.length <= LONGEST) return <span className="run-text">{text}</span>;
  return (
    <details className="run-long">
      <summary>
        <span className="run-text">{text.slice(0, LONGEST / 2)}…</span>{" "}
        <span className="run-fold">all {text.length.toLocaleString()} characters</span>
      </summary>
      <pre className="run-value" tabIndex={0} role="group" aria-label="The whole text">
        {text}
      </pre>
    </details>
  );
}
