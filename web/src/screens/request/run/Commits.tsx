import { Copy } from "../../../parts/Copy";

/** Ids of commits in the audit repository, to be looked up there. */
export function Commits({ ids, toCome = 0 }: { ids: string[]; toCome?: number }) {
  if (ids.length === 0 && toCome === 0) return null;
  return (
    <ul className="run-commits">
      {ids.map((id) => (
        <li key={id} id={`commit-${id}`}>
          <code title={id}>{id.slice(0, 12)}</code> <Copy text={id} label="Copy id" />{" "}
          <Copy text={`git show ${id}`} label="Copy git show" />
        </li>
      ))}
      {toCome > 0 && (
        <li className="faint">
          {toCome === 1 ? "One record is" : `${toCome} records are`} still to be committed; it appears here.
        </li>
      )}
    </ul>
  );
}
