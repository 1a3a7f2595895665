import type { Page } from "@playwright/test";

import { expect, test, type Chiffon, type Request } from "./chiffon";

test.use({ apart: "reconnect" });

/** What says that the connection is lost, and since when. */
function lost(page: Page) {
  return page
    .getByRole("status")
    .filter({ hasText: /lost|does not answer/i })
    .filter({ hasText: /for \d|since|as of \d/i });
}

async function before(chiffon: Chiffon, page: Page, text: string): Promise<Request> {
  const request = await chiffon.proposed(text);
  await chiffon.signIn(page);
  await page.goto(chiffon.at(`requests/${request.request_id}`));
  await expect(page.getByText(/awaiting approval/i).first()).toBeVisible();
  return request;
}

/** It goes on by itself: nobody loads the page again. */
async function goesOn(page: Page): Promise<void> {
  const main = page.getByRole("main");
  await expect(main.getByText(/^\W*completed$/i).first()).toBeVisible({ timeout: 60_000 });
  await expect(lost(page)).toHaveCount(0);
}

test("a browser that was cut off says since when, and goes on by itself", async ({ chiffon, page, context }) => {
  const request = await before(chiffon, page, "Deploy Kuma Uptime to nas");
  await context.setOffline(true);
  await expect(lost(page).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/awaiting approval/i).first(), "what was shown stays").toBeVisible();
  await chiffon.approve(request);
  await chiffon.until(request.request_id, "completed");
  await context.setOffline(false);
  await goesOn(page);
});

test("a server that is started again is found again, and nothing is lost", async ({ chiffon, page }) => {
  const request = await before(chiffon, page, "Deploy Kuma Uptime to nas on port 3007");
  await chiffon.server.stop();
  await expect(lost(page).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/awaiting approval/i).first(), "what was shown stays").toBeVisible();
  await chiffon.server.start();
  await expect(lost(page)).toHaveCount(0, { timeout: 60_000 });
  await chiffon.approve(await chiffon.until(request.request_id, "awaiting_approval"));
  await goesOn(page);
});
