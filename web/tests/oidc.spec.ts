import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { DEVELOPED, expect, test } from "./chiffon";
import { Provider } from "./provider";
import { Server } from "./server";

test.skip(DEVELOPED !== undefined, "a development server is signed in already");

test("a provider signs in and out across sites, and the other ways stay when it is away", async ({ page }) => {
  test.setTimeout(180_000);
  let provider: Provider | undefined;
  const server = await Server.begin(async ({ url, folder }) => {
    provider = await Provider.begin(url);
    writeFileSync(join(folder, "oidc.secret"), "a-secret-of-the-tests\n");
    return `[oidc]
issuer = "${provider.issuer}"
name = "Lighthouse"
client_id = "chiffon"
client_secret_file = "${join(folder, "oidc.secret")}"
roles = { ops = "operator" }
`;
  });
  if (provider === undefined) throw new Error("no provider");
  try {
    await provider.people({ ann: { groups: ["ops"] }, bob: { groups: ["choir"] } });
    const enter = async (name: string) => {
      await page.getByRole("button", { name: "Sign in with Lighthouse" }).click();
      await page.getByPlaceholder("Enter any login").fill(name);
      await page.getByPlaceholder("and password").fill("any");
      await page.getByRole("button", { name: "Sign-in" }).click();
      await page.getByRole("button", { name: "Continue" }).click();
    };
    await page.goto(`${server.url}/ui/requests?text=disks`);
    await enter("ann");
    await expect(page, "one gets to where one wanted to go").toHaveURL(/\/ui\/requests\?text=disks$/);
    const me = page.getByRole("button", { name: /ann operator/ });
    await expect(me).toBeVisible();
    await page.reload();
    await expect(me, "the browser stays signed in").toBeVisible();

    await me.click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    // The provider asks whether to sign out there, too.
    await page.getByRole("button", { name: /sign me out/i }).click();
    await expect(page).toHaveURL(/127\.0\.0\.1.*\/ui\/signin/);

    await enter("bob");
    await expect(page.getByRole("alert")).toContainText("you are in no group that may use this");
    await expect(page, "nothing of it stays in the address").toHaveURL(`${server.url}/ui/signin`);

    await provider.end();
    await page.goto(`${server.url}/ui/signin?error=access_denied&state=x`);
    await expect(page.getByRole("alert")).toContainText("Lighthouse did not sign you in: access_denied");
    await page.goto(`${server.url}/ui/signin?code=a&state=x`);
    await expect(page.getByRole("alert")).toContainText("no sign-in was begun here");
    await page.getByLabel(/token/i).fill(server.adminToken);
    await page.getByRole("button", { name: "Sign in with the token" }).click();
    await expect(page.getByRole("button", { name: /operator/ })).toBeVisible();
  } finally {
    await provider.end();
    await server.end();
  }
});
