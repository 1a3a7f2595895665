import { expect, test } from "./chiffon";

test.use({ viewport: { width: 390, height: 844 } });

test("on a telephone the menu goes with Escape, with a tap beside it, and with the page that one goes to", async ({
  chiffon,
  page,
}) => {
  await chiffon.signIn(page);
  const menu = page.getByRole("navigation", { name: "Places" });
  const requests = menu.getByRole("link", { name: "Requests" });
  await menu.getByRole("button", { name: "Menu" }).click();
  await expect(requests).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(requests).toBeHidden();
  await menu.getByRole("button", { name: "Menu" }).click();
  await page.touchscreen.tap(195, 820).catch(() => page.mouse.click(195, 820));
  await expect(requests).toBeHidden();
  await menu.getByRole("button", { name: "Menu" }).click();
  await requests.click();
  await expect(page.getByRole("heading", { level: 1, name: "Requests" })).toBeVisible();
  await expect(requests).toBeHidden();
});
