import { useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { Menu } from "@base-ui/react/menu";
import { Suspense, useEffect, useRef, useState } from "react";

import { api, held, type Schemas } from "../api/client";
import { Unreachable } from "../api/problem";
import { waiting, whoami } from "../api/queries";
import mark from "../mark.svg";
import { Loading } from "../parts/Page";
import { kindOf, type Kind } from "../screens/inbox/sort";
import { Keys } from "./Keys";
import { ShortcutsProvider, useShortcut } from "./shortcuts";
import { applyTheme, chosenTheme, type Theme } from "./theme";

interface Place {
  to:
    | "/"
    | "/inbox"
    | "/requests"
    | "/fleet"
    | "/actions"
    | "/costs"
    | "/questions"
    | "/audit"
    | "/operations"
    | "/access";
  name: string;
  key: string;
  /** Who lacks it does not see the place. */
  permission?: string;
  /** Who was signed in by the link of a notification does nothing there. */
  wide?: true;
}

const PLACES: Place[] = [
  { to: "/", name: "Ask", key: "g a", wide: true },
  { to: "/inbox", name: "Inbox", key: "g i" },
  { to: "/requests", name: "Requests", key: "g r" },
  { to: "/fleet", name: "Fleet", key: "g f" },
  { to: "/actions", name: "Actions", key: "g c" },
  { to: "/costs", name: "Costs", key: "g $", permission: "costs.read" },
  { to: "/questions", name: "Questions", key: "g q", permission: "questions.ask" },
  { to: "/audit", name: "Audit", key: "g u", permission: "audit.read" },
  { to: "/operations", name: "Operations", key: "g o", permission: "background.read" },
  { to: "/access", name: "Access", key: "g x", wide: true },
];

export function Shell() {
  return (
    <ShortcutsProvider>
      <a className="skip" href="#main">
        To the content
      </a>
      <div className="shell">
        <Navigation />
        <div className="content">
          <Lost />
          <Narrow />
          <Suspense fallback={<Loading what="the page" />}>
            <Outlet />
          </Suspense>
        </div>
      </div>
    </ShortcutsProvider>
  );
}

const MINE = new Set<Kind>(["approve", "answer", "decide"]);

function Navigation() {
  const { data: me } = useSuspenseQuery(whoami);
  const { data: inbox } = useQuery(waiting);
  const [open, setOpen] = useState(false);
  const nav = useRef<HTMLElement>(null);
  const where = useLocation({ select: ({ href }) => href });
  // On a telephone the menu lies over the page: it goes with the next page, a tap beside it, and Escape.
  useEffect(() => setOpen(false), [where]);
  useEffect(() => {
    if (!open) return undefined;
    const beside = ({ target }: Event) => {
      if (target instanceof Node && nav.current?.contains(target) === false) setOpen(false);
    };
    const escape = ({ key }: KeyboardEvent) => {
      if (key === "Escape") setOpen(false);
    };
    addEventListener("pointerdown", beside);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", beside);
      removeEventListener("keydown", escape);
    };
  }, [open]);
  // What others have to decide or to answer waits, too, and not for me.
  const waits = (inbox?.items ?? []).filter((item) => MINE.has(kindOf(item, undefined, me))).length;
  const places = PLACES.filter(
    ({ permission, wide }) =>
      (permission === undefined || me.permissions.includes(permission)) && !(me.narrow && wide === true),
  );
  return (
    <nav ref={nav} className={open ? "navigation open" : "navigation"} aria-label="Places">
      <Link to="/" className="brand" aria-label="Chiffon, ask for something">
        <img src={mark} alt="" width="24" height="24" /> Chiffon
      </Link>
      <button type="button" className="quiet more" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Close" : "Menu"}
      </button>
      <ul onClick={() => setOpen(false)}>
        {places.map((place) => (
          <li key={place.to}>
            <Link to={place.to} activeOptions={{ exact: place.to === "/", includeSearch: false }}>
              {place.name}
              {place.to === "/inbox" && waits > 0 && (
                <span className="count">
                  {waits} <span className="visually-hidden">wait for you</span>
                </span>
              )}
            </Link>
            <Go place={place} />
          </li>
        ))}
      </ul>
      <div className="navigation-foot">
        <Keys />
        <Me me={me} />
      </div>
    </nav>
  );
}

function Go({ place }: { place: Place }) {
  const navigate = useNavigate();
  useShortcut(place.key, `go to ${place.name}`, () => void navigate({ to: place.to }));
  return null;
}

const THEMES: [Theme, string][] = [
  ["system", "as the machine"],
  ["light", "light"],
  ["dark", "dark"],
];

function Me({ me: { name, role, narrow } }: { me: Schemas["WhoAmI"] }) {
  const [theme, setTheme] = useState(chosenTheme);
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = async () => {
    const url = narrow ? await leaveNarrow() : (await held(api.POST("/session/oidc/leave"))).url;
    client.clear();
    // A provider that has signed somebody in signs them out, too, and sends them back here.
    if (url != null) location.assign(url);
    else await navigate({ to: "/signin" });
  };
  return (
    <Menu.Root>
      <Menu.Trigger className="quiet me">
        {name} <span className="faint">{role}</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} className="positioner">
          <Menu.Popup className="menu">
            <Menu.RadioGroup
              value={theme}
              onValueChange={(chosen: Theme) => {
                applyTheme(chosen);
                setTheme(chosen);
              }}
            >
              <Menu.GroupLabel className="faint">Colours</Menu.GroupLabel>
              {THEMES.map(([value, text]) => (
                <Menu.RadioItem key={value} value={value}>
                  <span aria-hidden="true">{theme === value ? "●" : "○"}</span> {text}
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
            <Menu.Separator className="separator" />
            <Menu.Item onClick={() => void leave()}>Sign out</Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

/** No provider knows of what the link of a notification has opened. */
async function leaveNarrow(): Promise<undefined> {
  await held(api.DELETE("/session"));
}

/** Whom the link of a notification has signed in is told what for. */
function Narrow() {
  const { data: me } = useSuspenseQuery(whoami);
  const where = useLocation({ select: ({ publicHref }) => publicHref });
  if (!me.narrow) return null;
  return (
    <aside className="narrow" aria-label="What you are signed in for">
      <p>
        You came by a link, {me.name}: you see what you may see, and decide about its plan.{" "}
        <Link to="/signin" search={{ to: where }}>
          Sign in
        </Link>{" "}
        for all else.
      </p>
    </aside>
  );
}

/** While the server is away: what is shown is old, and since when. */
function Lost() {
  const { error, dataUpdatedAt } = useQuery(waiting);
  if (!(error instanceof Unreachable)) return null;
  return (
    <p className="lost" role="status">
      {error.message} What you see is as of {new Date(dataUpdatedAt).toLocaleTimeString()}.
    </p>
  );
}
