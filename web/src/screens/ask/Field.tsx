import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { useDoing } from "../../api/doing";
import { api, held } from "../../api/client";
import { useShortcut } from "../../shell/shortcuts";
import { useMeant } from "../request/change/decide/meant";
import { addAsked } from "./asked";
import { Trouble } from "../request/change/decide/Trouble";

/** Where somebody says what should be done. */
export function Field({ text, setText }: { text: string; setText: (change: (text: string) => string) => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const client = useQueryClient();
  const meant = useMeant("ask");
  const ask = useDoing({
    mutationFn: (words: string) =>
      held(
        api.POST("/request", { params: { header: { "Idempotency-Key": meant.keyOf(words) } }, body: { text: words } }),
      ),
    onSettled: (_, error) => meant.settled(error ?? undefined),
    onSuccess: (request, words) => {
      client.setQueryData(["request", request.request_id], request);
      void client.invalidateQueries({ queryKey: ["requests"] });
      addAsked(request.request_id);
      // What was typed meanwhile is the next thing.
      setText((now) => (now.trim() === words ? "" : now));
      field.current?.focus();
    },
  });
  const focus = () => {
    field.current?.focus();
    field.current?.scrollIntoView({ block: "nearest" });
  };
  useShortcut("c", "ask for something", focus);
  useShortcut("/", "ask for something", focus);
  useEffect(() => {
    // On a touch screen this would only bring up a keyboard over what is there to read.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, []);
  const ready = text.trim() !== "" && !ask.isPending;
  return (
    <form
      className="ask-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) ask.mutate(text.trim());
      }}
    >
      <label htmlFor="ask-text">What should be done?</label>
      <textarea
        id="ask-text"
        ref={field}
        rows={3}
        value={text}
        aria-describedby="ask-help"
        onChange={(event) => {
          const { value } = event.target;
          setText(() => value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      <div className="ask-foot">
        <p id="ask-help" className="faint">
          A plan is made and shown first; nothing changes before somebody approves it.{" "}
          <span className="ask-keys">
            <kbd>Enter</kbd> asks, <kbd>Shift</kbd> <kbd>Enter</kbd> begins a new line.
          </span>
        </p>
        <button type="submit" className="primary" disabled={!ready}>
          {ask.isPending ? "Asking…" : "Ask for this"}
        </button>
      </div>
      {ask.error !== null && <Trouble error={ask.error} />}
    </form>
  );
}
