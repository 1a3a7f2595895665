import { violations } from "./axe";
import { expect, LOOKS, test } from "./chiffon";

test.use({ apart: "grants" });

test("a role for a part is given, approves that part of a plan, and is taken back", async ({
  chiffon,
  page,
  browser,
}) => {
  const vera = await chiffon.token("vera", "viewer");
  const { request_id: id } = await chiffon.proposed("install htop on nas and deploy kuma to nas on port 3023");
  await chiffon.signIn(page);
  await page.goto(chiffon.at("access"));
  const people = page.getByRole("region", { name: "People and programs" });
  const card = people.getByRole("listitem").filter({ has: page.locator("strong", { hasText: /^vera$/ }) });
  await card.locator("summary").click();
  await expect(card).toContainText("vera is viewer everywhere, and nothing beside.");
  await card.getByRole("button", { name: "Give a role for a part… to vera" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Make vera approver for that" })).toBeDisabled();
  await dialog.getByLabel("On which hosts").fill("all");
  await dialog.getByRole("button", { name: "Make vera approver for that" }).click();
  await expect(dialog.getByRole("alert"), "what bounds nothing is refused in words").toContainText("every host");
  await dialog.getByLabel("On which hosts").fill("");
  await dialog.getByLabel("Which action").fill("deploy_*");
  await dialog.getByLabel("Up to which risk").selectOption("medium");
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: `pictures/grant-${width}-${colorScheme}.png` });
      expect.soft(await violations(page), `the form, ${width} ${colorScheme}`).toEqual([]);
    }
  }
  await page.setViewportSize({ width: 1280, height: 844 });
  await dialog.getByRole("button", { name: "Make vera approver for that" }).click();
  const given = "approver for the action deploy_*, risk up to medium";
  await expect(card.getByRole("list", { name: "What vera was given for a part" })).toContainText(given);
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await page.screenshot({ path: `pictures/grants-${width}.png`, fullPage: true });
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect.soft(tooWide, `${width}: so many pixels are out of sight`).toBeLessThanOrEqual(0);
    expect.soft(await violations(page), `people, ${width}`).toEqual([]);
  }

  const hers = await (await browser.newContext()).newPage();
  await chiffon.signIn(hers, "vera", "viewer");
  await hers.goto(chiffon.at("access"));
  await expect(hers.getByRole("list", { name: "What you were given for a part" })).toContainText(given);
  await expect(hers.getByRole("button", { name: /a role for a part/ })).toHaveCount(0);
  await hers.goto(chiffon.at(`requests/${id}?view=change`));
  const bar = hers.getByRole("region", { name: "Decide" });
  await expect(bar).toContainText("You may not approve all of this plan. Not yours is:");
  await expect(bar).toContainText("on nas");
  await expect(bar).toContainText("operator");
  await expect(bar.locator(".decide-primary")).toHaveCount(0);
  expect.soft(await violations(hers), "what is denied").toEqual([]);
  await bar.getByRole("button", { name: "Leave 1 step out" }).click();
  const approve = bar.getByRole("button", { name: /, leave out 1 step$/ });
  await expect(approve).toBeEnabled();
  await hers.screenshot({ path: "pictures/grants-denied.png", fullPage: true });
  await hers.waitForTimeout(LOOKS);
  await approve.click();
  const done = await chiffon.until(id, "completed");
  expect(done.plan?.approvals.map(({ by }) => by)).toEqual(["vera"]);

  const { request_id: later } = await chiffon.proposed("install htop on nas and deploy kuma to nas on port 3024");
  await card.getByRole("button", { name: `Take back that vera is ${given}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Take it back" }).click();
  await expect(card).toContainText("vera is viewer everywhere, and nothing beside.");
  await hers.goto(chiffon.at(`requests/${later}?view=change`));
  await expect(bar).toContainText("you may not approve: that needs the permission requests.approve");
  const { plan } = await chiffon.until(later, "awaiting_approval");
  const word = { request_id: later, plan_sha256: plan?.sha256, decision: "approve" };
  await expect(chiffon.call("POST", "/approve", word, vera)).rejects.toThrow(/403/);
  await chiffon.cancel(later);
  await hers.context().close();
});

test("somebody gets another role, and the last administrator stays one", async ({ chiffon, page }) => {
  await chiffon.token("walt", "viewer");
  await chiffon.signIn(page);
  await page.goto(chiffon.at("access"));
  const people = page.getByRole("region", { name: "People and programs" });
  const of = (name: string) =>
    people.getByRole("listitem").filter({ has: page.locator("strong", { hasText: new RegExp(`^${name}$`) }) });
  await of("walt").locator("summary").click();
  await of("walt").getByRole("button", { name: "Change the role… of walt" }).click();
  await page
    .getByRole("dialog")
    .getByLabel(/^operator/)
    .check();
  await page.getByRole("dialog").getByRole("button", { name: "Make walt operator" }).click();
  await expect(of("walt")).toContainText("walt is operator everywhere");

  await of("operator").locator("summary").click();
  await of("operator").getByRole("button", { name: "Change the role… of operator" }).click();
  await page
    .getByRole("dialog")
    .getByLabel(/^viewer/)
    .check();
  await page.getByRole("dialog").getByRole("button", { name: "Make operator viewer" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("the last person with the role `admin`");
});
