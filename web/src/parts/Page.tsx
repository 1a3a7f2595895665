import type { ReactNode } from "react";
import { useEffect } from "react";

/** A screen: its title is the page's and the window's. */
export function Page({
  title,
  aside,
  children,
  wide = false,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  wide?: boolean;
}) {
  useEffect(() => {
    document.title = `${title} · Chiffon`;
  }, [title]);
  return (
    <main id="main" className={wide ? "page wide" : "page"} tabIndex={-1}>
      <header className="page-head">
        <h1>{title}</h1>
        {aside}
      </header>
      {children}
    </main>
  );
}

/** Where there is nothing yet: what would be here, and the next step. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="empty">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** While the first answer is on its way. It is said only when it takes long enough to be seen. */
export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      Loading {what}…
    </p>
  );
}
