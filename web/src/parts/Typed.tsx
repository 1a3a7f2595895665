import { useEffect, useId, useRef, useState, type Ref } from "react";

const PAUSE = 300;

/**
 * A filter that is typed. Words narrow the list while one types; a name counts whole, so it does once it is one that is known, at Enter,
 * or when one goes on.
 */
export function Typed({
  label,
  value,
  onValue,
  placeholder,
  known,
  inputRef,
}: {
  label: string;
  value: string;
  onValue: (value: string) => void;
  placeholder?: string;
  known?: string[];
  inputRef?: Ref<HTMLInputElement>;
}) {
  const [draft, setDraft] = useState(value);
  const told = useRef(value);
  const list = useId();
  const tell = (text: string) => {
    const clean = text.trim();
    if (clean === told.current) return;
    told.current = clean;
    onValue(clean);
  };
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setDraft(value);
  }, [value]);
  useEffect(() => {
    if (known !== undefined && draft.trim() !== "" && !known.includes(draft.trim())) return;
    const timer = setTimeout(() => tell(draft), PAUSE);
    return () => clearTimeout(timer);
    // What is typed counts, not who is told.
  }, [draft]);
  return (
    <label>
      {label}
      <input
        ref={inputRef}
        type="search"
        value={draft}
        placeholder={placeholder}
        list={known === undefined ? undefined : list}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => tell(draft)}
        onKeyDown={(event) => {
          if (event.key === "Enter") tell(draft);
          if (event.key === "Escape" && draft === "") event.currentTarget.blur();
        }}
        autoComplete="off"
        spellCheck={false}
      />
      {known !== undefined && (
        <datalist id={list}>
          {known.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
    </label>
  );
}
