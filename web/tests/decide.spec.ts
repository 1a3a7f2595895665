import type { Browser, Page } from "@playwright/test";

import { approve, decision, expect, test, type Chiffon } from "./chiffon";

test.use({ apart: "decide" });

/** Somebody who may approve, before a request, in a browser of their own. */
async function approver(chiffon: Chiffon, browser: Browser, name: string, id: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await chiffon.signIn(page, name, "approver");
  await page.goto(chiffon.at(`requests/${id}?view=change`));
  await expect(decision(page)).toBeEnabled();
  return page;
}

test("a plan that changed under the reader is not approved by accident", async ({ chiffon, browser }) => {
  const { request_id: id } = await chiffon.proposed();
  const page = await approver(chiffon, browser, "ben", id);
  await chiffon.say(id, "Use port 3002");

  const told = page.getByRole("alert").filter({ hasText: /changed since you looked/i });
  await expect(told).toBeVisible({ timeout: 60_000 });
  await expect(decision(page), "nothing can be approved unseen").toHaveCount(0);
  await expect(page.getByRole("main").getByText(/3002/).first()).toBeVisible();

  await page.getByRole("button", { name: /I have looked/i }).click();
  await expect(told).toHaveCount(0);
  await approve(page);
  const { plan } = await chiffon.until(id, "completed");
  expect(plan?.revision, "the plan that was looked at is the one that ran").toBe(2);
  await page.context().close();
});

test("of two who look, one approves: the other is told, and can’t", async ({ chiffon, browser }) => {
  const { request_id: id } = await chiffon.proposed("Deploy Kuma Uptime to nas on port 3004");
  const ann = await approver(chiffon, browser, "ann", id);
  const ben = await approver(chiffon, browser, "ben", id);

  await approve(ann);

  await expect(decision(ben), "there is nothing left to click").toHaveCount(0);
  await expect(
    ben
      .getByRole("main")
      .getByText(/approved by ann|ann approved/i)
      .first(),
    "and it says why",
  ).toBeVisible();
  await chiffon.until(id, "completed");
  await expect(
    ben
      .getByRole("main")
      .getByText(/^\W*completed$/i)
      .first(),
  ).toBeVisible();
  await Promise.all([ann.context().close(), ben.context().close()]);
});

test("a click that comes too late is refused in words", async ({ chiffon, browser }) => {
  const request = await chiffon.proposed("Deploy Kuma Uptime to nas on port 3005");
  const id = request.request_id;
  const ben = await approver(chiffon, browser, "ben", id);
  // His browser hears nothing any more, but can still speak.
  await ben.route(`**/request/${id}**`, (route) => route.abort());
  await chiffon.cancel(id);

  await approve(ben);

  await expect(ben.getByRole("alert").first()).toContainText(/cancelled/i);
  expect((await chiffon.until(id, "cancelled")).status).toBe("cancelled");
  await ben.context().close();
});

test("who may only look is told what is missing", async ({ chiffon, page }) => {
  const { request_id: id } = await chiffon.proposed("Deploy Kuma Uptime to nas on port 3006");
  await chiffon.signIn(page, "vera", "viewer");
  await page.goto(chiffon.at(`requests/${id}`));
  await expect(
    page
      .getByRole("main")
      .getByText(/requests\.approve/)
      .first(),
  ).toBeVisible();
  await expect(decision(page)).toHaveCount(0);
  await chiffon.cancel(id);
});
