import { words } from "../../../parts/Status";
import { LongText } from "./LongText";
import type { Told } from "./read";

/** What ended something: the words, the page that says what to do, and what is known beside. */
export function ToldError({ error, title }: { error: Told; title?: string | undefined }) {
  return (
    <div className="failure run-told">
      {title !== undefined && <strong>{title}</strong>}
      <p>
        <LongText text={error.message} />
      </p>
      {error.details.length > 0 && (
        <dl className="run-pairs">
          {error.details.map(([name, value]) => (
            <div key={name}>
              <dt>{words(name)}</dt>
              <dd>
                <LongText text={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {error.code !== undefined && (
        <p>
          <a href={`/docs/errors/${error.code}`} target="_blank" rel="noreferrer">
            What {error.code} means and what to do next
          </a>
        </p>
      )}
    </div>
  );
}
