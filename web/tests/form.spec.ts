import { violations } from "./axe";
import { approve, expect, LOOKS, test } from "./chiffon";

test.use({ apart: "form" });

test("an action is asked for by its form: a mistake stands beside its field, and what is mended is planned, approved and runs", async ({
  chiffon,
  page,
}) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at("actions?name=deploy_kuma"));
  await page.getByRole("link", { name: "Fill in its form" }).click();
  await expect(page).toHaveURL(/\/actions\/deploy_kuma/);

  const form = page.getByRole("form", { name: "Deploy Kuma" });
  const port = form.getByRole("textbox", { name: "Port", exact: true });
  await expect(port).toHaveAttribute("placeholder", "3001");
  await expect(port).toHaveAccessibleDescription(/at least 1; at most 65535/);
  await port.fill("70000");
  await form.getByRole("button", { name: "Ask for this" }).click();

  const summary = page.getByRole("alert").filter({ hasText: "2 things are to be mended" });
  await expect(summary).toBeVisible();
  await expect(port).toHaveAttribute("aria-invalid", "true");
  await expect(port).toHaveAccessibleDescription(/At most 65535\./);
  await summary.getByRole("link", { name: "Port" }).click();
  await expect(port, "the way to the field").toBeFocused();
  expect(await violations(page)).toEqual([]);

  await port.fill("3017");
  await expect(port).toHaveAttribute("aria-invalid", "false");
  await form.getByRole("checkbox", { name: "nas", exact: true }).check();
  await page.goto(chiffon.at("fleet"));
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.goto(chiffon.at("actions/deploy_kuma"));
  await expect(port, "what was filled in is kept").toHaveValue("3017");

  await form.getByRole("button", { name: "Add one to Portals" }).click();
  const first = form.getByRole("group", { name: "Portals 1" });
  await first.getByRole("textbox", { name: /^Url/ }).fill("http://nas:8096");
  await first.getByRole("textbox", { name: /^Name/ }).fill("Jellyfin");
  await form.getByRole("combobox", { name: "Start" }).selectOption("never");
  await form.getByRole("button", { name: "Ask for this" }).click();

  await expect(page).toHaveURL(/\/requests\/[0-9a-f-]{36}\?view=change/);
  const id = /requests\/([0-9a-f-]{36})/.exec(page.url())?.[1] ?? "";
  const { plan, text, action } = await chiffon.until(id, "awaiting_approval");
  expect(text).toMatch(/^Deploy Kuma to nas: .*port = 3017/);
  expect(action?.hosts).toEqual(["nas"]);
  expect(plan?.planned_by).toEqual({ provider: "direct", model: null });
  await expect(page.getByText("planned as asked, without a planner").first()).toBeVisible();
  await approve(page);
  await chiffon.until(id, "completed");
  await expect(
    page
      .getByRole("main")
      .getByText(/^\W*completed$/i)
      .first(),
  ).toBeVisible();
});

test("what only the server knows is told beside its field", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  // A host of an address that no inventory has.
  await page.goto(chiffon.at("actions/deploy_kuma?on=nass&port=3018"));
  const form = page.getByRole("form", { name: "Deploy Kuma" });
  await expect(form.getByRole("textbox", { name: "Port", exact: true })).toHaveValue("3018");
  await expect(form.getByRole("checkbox", { name: /^nass/ })).toBeChecked();
  await form.getByRole("button", { name: "Ask for this" }).click();

  const hosts = form.getByRole("group", { name: /^Hosts/ });
  await expect(hosts).toContainText("did you mean `nas`?");
  const summary = page.getByRole("alert").filter({ hasText: "One thing is to be mended" });
  await summary.getByRole("link", { name: "Hosts" }).click();
  await expect(hosts).toBeFocused();
  expect(page.url(), "nothing was asked").toContain("/actions/deploy_kuma");
});

test("a form is filled in and sent with keys alone", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at("actions/disk_report"));
  const nas = page.getByRole("checkbox", { name: "nas", exact: true });
  await expect(nas).toBeVisible();
  for (let presses = 0; presses < 60 && !(await nas.evaluate((box) => box === document.activeElement)); presses++)
    await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect(nas).toBeChecked();
  const send = page.getByRole("button", { name: "Ask for this" });
  for (let presses = 0; presses < 60 && !(await send.evaluate((one) => one === document.activeElement)); presses++)
    await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/requests\/[0-9a-f-]{36}/);
  const id = /requests\/([0-9a-f-]{36})/.exec(page.url())?.[1] ?? "";
  expect((await chiffon.until(id, "completed")).text).toMatch(/ nas$/);
});

test("a host of the fleet leads to the forms of what is run there", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  await page.goto(chiffon.at("fleet"));
  await page.getByRole("link", { name: /run an action on nas/i }).click();
  await expect(page).toHaveURL(/\/actions\?on=nas/);
  await page
    .getByRole("link", { name: /Deploy Kuma/ })
    .first()
    .click();
  await page.getByRole("link", { name: "Fill in its form for nas" }).click();
  await page.waitForTimeout(LOOKS / 3);
  await expect(page.getByRole("checkbox", { name: "nas", exact: true })).toBeChecked();
});

test("who may not ask is told so instead of given a form", async ({ chiffon, page }) => {
  await chiffon.signIn(page, "vera", "viewer");
  await page.goto(chiffon.at("actions/deploy_kuma"));
  await expect(page.getByRole("heading", { name: "You may look, but not ask" })).toBeVisible();
  await expect(page.getByRole("form")).toHaveCount(0);
});
