import { useState } from "react";

import type { Schemas } from "../../../../api/client";
import { Time } from "../../../../parts/Time";
import { count, cut } from "../../../../parts/words";
import { Answer } from "./Answer";
import "./talk.css";

/** A longer turn is folded. */
const LONG = 1_500;
/** Of a long conversation, so many last turns are shown at first. */
const LAST = 8;

/** What was said about a request, and the field for an answer where one is waited for. */
export function Conversation({ request }: { request: Schemas["RequestAnswer"] }) {
  const [whole, setWhole] = useState(false);
  const { messages, next } = request;
  const shown = whole ? messages : messages.slice(-LAST);
  const hidden = messages.length - shown.length;
  return (
    <section className="card talk" aria-labelledby="talk-title">
      <h2 id="talk-title">{next.includes("answer") ? "Chiffon asks back" : "Conversation"}</h2>
      {hidden > 0 && (
        <button type="button" className="quiet" onClick={() => setWhole(true)}>
          Show {count(hidden, "earlier message")}
        </button>
      )}
      <ol className="talk-messages">
        {shown.map((message, index) => (
          <li key={index} className={`talk-message ${message.from === "user" ? "mine" : "theirs"}`}>
            <p className="faint">
              <strong>{message.from === "user" ? (message.by ?? "somebody") : "Chiffon"}</strong> ·{" "}
              <Time at={message.at} />
            </p>
            <Said text={message.text} />
          </li>
        ))}
      </ol>
      {next.includes("answer") && <Answer request={request} />}
    </section>
  );
}

function Said({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  return (
    <>
      <p className="talk-text">{whole ? text : cut(text, LONG)}</p>
      {!whole && text.length > LONG && (
        <button type="button" className="quiet" onClick={() => setWhole(true)}>
          Show all {count(text.length, "character")}
        </button>
      )}
    </>
  );
}
