import { Copy } from "../../parts/Copy";
import { Empty } from "../../parts/Page";

const EXAMPLE = `[[llm.providers]]
name = "home"
base_url = "http://127.0.0.1:11434/v1"
model = "llama3.1"
`;

/** Where no model was called: why, and how one is. */
export function Offline() {
  return (
    <Empty title="Nothing has been spent: plans are made offline">
      <p>
        Without a model, plans come from the catalogue’s words alone, and cost nothing. To have a model asked first, put
        one with an OpenAI-compatible API into <code>/etc/chiffon/chiffon.toml</code> and start Chiffon again:
      </p>
      <div className="costs-example">
        <pre tabIndex={0} aria-label="Example of a model in the configuration">
          {EXAMPLE}
        </pre>
        <Copy text={EXAMPLE} />
      </div>
      <p className="faint">
        Keys, budgets and several providers: “Models” in docs/operating.md. If models are configured, none was called in
        this time.
      </p>
    </Empty>
  );
}
