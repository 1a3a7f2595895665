import { useQueryClient } from "@tanstack/react-query";
import { useId } from "react";

import { useDoing } from "../../../../api/doing";
import { api, held, type Schemas } from "../../../../api/client";
import { useDraft } from "../../../../parts/draft";
import { lookAgain, useMeant } from "../decide/meant";
import { choicesOf } from "./choices";
import { Trouble } from "../decide/Trouble";
import "./talk.css";

/** What is answered to a question: one of its choices, or words. */
export function Answer({ request }: { request: Schemas["RequestAnswer"] }) {
  const client = useQueryClient();
  const field = useId();
  const id = request.request_id;
  const meant = useMeant(`answer ${id}`);
  const [text, setText] = useDraft(`answer ${id}`);
  const say = useDoing({
    mutationFn: (words: string) =>
      held(
        api.POST("/request/{id}/messages", {
          params: { path: { id }, header: { "Idempotency-Key": meant.keyOf([request.messages.length, words]) } },
          body: { text: words },
        }),
      ),
    onSettled: (_, error) => {
      meant.settled(error ?? undefined);
      return lookAgain(client, id, error);
    },
    onSuccess: () => setText(""),
  });
  const choices = choicesOf(request);
  return (
    <div className="talk-answer">
      {choices.length > 0 && (
        <div className="talk-choices" role="group" aria-label="Possible answers">
          {choices.map(({ label, answer }) => (
            <button
              key={`${label} ${answer}`}
              type="button"
              disabled={say.isPending}
              onClick={() => say.mutate(answer)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "" && !say.isPending) say.mutate(text.trim());
        }}
      >
        <label htmlFor={field}>{choices.length > 0 ? "Or in your own words" : "Your answer"}</label>
        <div className="talk-field">
          <textarea
            id={field}
            rows={1}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }}
          />
          <button type="submit" className="primary" disabled={text.trim() === "" || say.isPending}>
            {say.isPending ? "Sending…" : "Answer"}
          </button>
        </div>
      </form>
      {say.error !== null && <Trouble error={say.error} />}
    </div>
  );
}
