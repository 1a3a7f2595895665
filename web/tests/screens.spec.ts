import type { Page } from "@playwright/test";

import { violations } from "./axe";
import { DEVELOPED, expect, test, type Chiffon } from "./chiffon";

const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];
const THEMES = ["light", "dark"] as const;

/** Requests in states that look different. */
interface Shown {
  proposed: string;
  completed: string;
  asksBack: string;
}

let shown: Shown;

test.beforeAll(async ({ chiffon }) => {
  const [proposed, completed, asksBack] = await Promise.all([
    chiffon.proposed(),
    chiffon.ask("How full are the disks on nas?"),
    chiffon.ask("paint the fence green"),
  ]);
  await chiffon.until(completed, "completed");
  await chiffon.until(asksBack, "needs_input");
  shown = { proposed: proposed.request_id, completed, asksBack };
});

test.afterAll(async ({ chiffon }) => {
  await chiffon.cancel(shown.proposed);
  await chiffon.cancel(shown.asksBack);
});

const SCREENS: Record<string, (shown: Shown) => string> = {
  ask: () => "",
  inbox: () => "inbox",
  requests: () => "requests",
  nothing_found: () => "requests?text=surelynobodyaskedforthis",
  request_proposed: ({ proposed }) => `requests/${proposed}`,
  request_change: ({ proposed }) => `requests/${proposed}?view=change`,
  request_run: ({ completed }) => `requests/${completed}?view=run`,
  request_history: ({ completed }) => `requests/${completed}?view=history`,
  request_asks_back: ({ asksBack }) => `requests/${asksBack}`,
  fleet: () => "fleet",
  actions: () => "actions",
  actions_of_a_host: () => "actions?on=nas",
  action: () => "actions?name=deploy_kuma",
  action_form: () =>
    "actions/deploy_kuma?on=nas&port=3002&portals=%5B%7B%22url%22%3A%22http%3A%2F%2Fnas%3A8096%22%7D%5D",
  costs: () => "costs",
  questions: () => "questions",
  question_with_bars: () => "questions/who-asks",
  question_with_lines: () => "questions/runs-by-day",
  question_of_agents: () => "questions/agent-load?last=24h",
  question_with_nothing: () => "questions/what-failed?from=2025-01-01&to=2025-01-31",
  question_about_no_time: () => "questions/who-asks?last=fortnight",
  audit: () => "audit",
  audit_of_a_request: ({ completed }) => `audit?chain=${completed}`,
  operations: () => "operations",
  access: () => "access",
  no_such_page: () => "there-is-no-such-page",
};

for (const [name, path] of Object.entries(SCREENS)) {
  test(`${name} looks right in every size and theme`, async ({ chiffon, page }) => {
    await chiffon.signIn(page);
    await look(page, chiffon, name, path(shown));
  });
}

test("the sign-in page looks right in every size and theme", async ({ chiffon, page }) => {
  await look(page, chiffon, "signin", "signin", true);
});

/** Looks at a screen in each size and theme: nothing is wider than the window, nothing fails, nobody is shut out. */
async function look(page: Page, chiffon: Chiffon, name: string, path: string, signedOut = false): Promise<void> {
  const errors = heard(page, signedOut);
  for (const size of SIZES) {
    for (const theme of THEMES) {
      const what = `${name} ${size.width}x${size.height} ${theme}`;
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await page.goto(chiffon.at(path));
      await expect(page.getByRole("heading", { level: 1 }), what).toBeVisible();
      await expect(page.getByText(/^Loading /), what).toHaveCount(0);
      await page.screenshot({ path: `pictures/${name}-${size.width}-${theme}.png`, fullPage: true });
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect.soft(tooWide, `${what}: so many pixels are out of sight`).toBeLessThanOrEqual(0);
      expect.soft(await violations(page), what).toEqual([]);
    }
  }
  expect(errors, name).toEqual([]);
}

/** What the browser complains about from here on. */
function heard(page: Page, signedOut: boolean): string[] {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    // Whoever is not signed in is told so by the answer that says it.
    if (signedOut && message.text().includes("401")) return;
    // A development server has no icon of the site's own.
    if (DEVELOPED !== undefined && message.location().url.endsWith("favicon.ico")) return;
    errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  return errors;
}
