import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";

import { whoami } from "./api/queries";
import { isSignedOut } from "./api/problem";
import { NotFound, RouteError } from "./shell/errors";
import { Shell } from "./shell/Shell";
import { SignIn } from "./screens/signin/SignIn";

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  notFoundComponent: NotFound,
  errorComponent: RouteError,
});

/** A place of this page, and of no other, behind the sign-in. */
function placeOf(to: unknown): string | undefined {
  if (typeof to !== "string" || !URL.canParse(to, location.origin)) return undefined;
  const { origin, pathname, search, hash } = new URL(to, location.origin);
  const isPlace = origin === location.origin && pathname.startsWith("/ui/") && !pathname.startsWith("/ui/signin");
  return isPlace ? pathname + search + hash : undefined;
}

const signin = createRoute({
  getParentRoute: () => root,
  path: "/signin",
  validateSearch: ({ to }: Record<string, unknown>) => ({ to: placeOf(to) }) as { to?: string },
  component: SignIn,
});

/** Where the link of a notification leads, signed in or not. */
const decide = createRoute({
  getParentRoute: () => root,
  path: "/decide/$id",
  component: lazyRouteComponent(() => import("./screens/decide/Decide"), "Decide"),
});

/** Everything that only somebody who is signed in sees. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(whoami);
    } catch (error) {
      if (isSignedOut(error)) throw redirect({ to: "/signin", search: { to: location.publicHref } });
      throw error;
    }
  },
});

const texts =
  <Names extends string>(...names: Names[]) =>
  (search: Record<string, unknown>): Partial<Record<Names, string>> => {
    const kept: Partial<Record<Names, string | undefined>> = {};
    for (const name of names) {
      // The router reads `host=42` as a number. What is no text is taken out by name, or what was read would stay.
      const value = search[name];
      const isText = value !== undefined && value !== null && value !== "" && typeof value !== "object";
      kept[name] = isText ? String(value) : undefined;
    }
    return kept as Partial<Record<Names, string>>;
  };

const page = <Path extends string>(path: Path) => ({ getParentRoute: () => inside, path });

const ask = createRoute({
  ...page("/"),
  validateSearch: texts("text"),
  component: lazyRouteComponent(() => import("./screens/ask/Ask"), "Ask"),
});
const inbox = createRoute({
  ...page("/inbox"),
  component: lazyRouteComponent(() => import("./screens/inbox/Inbox"), "Inbox"),
});
const requests = createRoute({
  ...page("/requests"),
  validateSearch: texts("status", "host", "action", "who", "text", "since"),
  component: lazyRouteComponent(() => import("./screens/requests/Requests"), "Requests"),
});
const request = createRoute({
  ...page("/requests/$id"),
  // `view`: change, run or history; `line`: attempt and number of a line of the log.
  validateSearch: texts("view", "line", "task"),
  component: lazyRouteComponent(() => import("./screens/request/Request"), "Request"),
});
const fleet = createRoute({
  ...page("/fleet"),
  component: lazyRouteComponent(() => import("./screens/fleet/Fleet"), "Fleet"),
});
const actions = createRoute({
  ...page("/actions"),
  // `on`: the host for whose forms one looks.
  validateSearch: texts("name", "text", "on"),
  component: lazyRouteComponent(() => import("./screens/actions/Actions"), "Actions"),
});
const form = createRoute({
  ...page("/actions/$name"),
  // `on`: hosts, with commas between them; everything else is a parameter of the action.
  validateSearch: (search: Record<string, unknown>) => search,
  component: lazyRouteComponent(() => import("./screens/actions/form/Form"), "Form"),
});
const costs = createRoute({
  ...page("/costs"),
  component: lazyRouteComponent(() => import("./screens/costs/Costs"), "Costs"),
});
const audit = createRoute({
  ...page("/audit"),
  validateSearch: texts("chain"),
  component: lazyRouteComponent(() => import("./screens/audit/Audit"), "Audit"),
});
const operations = createRoute({
  ...page("/operations"),
  component: lazyRouteComponent(() => import("./screens/operations/Operations"), "Operations"),
});
const questions = createRoute({
  ...page("/questions"),
  // The time that is asked about, which one keeps from question to question.
  validateSearch: texts("last", "from", "to"),
  component: lazyRouteComponent(() => import("./screens/questions/Questions"), "Questions"),
});
const question = createRoute({
  ...page("/questions/$name"),
  validateSearch: texts("last", "from", "to", "sort"),
  component: lazyRouteComponent(() => import("./screens/questions/Question"), "Question"),
});
const access = createRoute({
  ...page("/access"),
  component: lazyRouteComponent(() => import("./screens/access/Access"), "Access"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    signin,
    decide,
    inside.addChildren([
      ask,
      inbox,
      requests,
      request,
      fleet,
      actions,
      form,
      costs,
      questions,
      question,
      audit,
      operations,
      access,
    ]),
  ]),
  basepath: "/ui",
  context: { queries: undefined as unknown as QueryClient },
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
