import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { violations } from "./axe";
import { Chiffon, DEVELOPED, expect, test } from "./chiffon";
import { Server } from "./server";

test.skip(DEVELOPED !== undefined, "it needs a configuration of its own");

const SECRET = "a secret between a forge and Chiffon";

async function call(
  url: string,
  body: object,
  secret = SECRET,
): Promise<{ status: number; answer: { outcome?: string; request_id?: string } }> {
  const text = JSON.stringify(body);
  const signed = createHmac("sha256", secret).update(text).digest("hex");
  const answer = await fetch(`${url}/webhooks/forge`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-hub-signature-256": `sha256=${signed}` },
    body: text,
  });
  return { status: answer.status, answer: (await answer.json()) as { outcome?: string; request_id?: string } };
}

test("a forge asks by a signed call, and the page says what came of its calls", async ({ page }) => {
  test.setTimeout(180_000);
  const server = await Server.begin(({ folder }) => {
    writeFileSync(join(folder, "forge.secret"), SECRET);
    return Promise.resolve(`[[webhooks.hooks]]
name = "forge"
signed_by = "github"
secret_file = "${join(folder, "forge.secret")}"
asks_as = "forge"
action = "disk_report"
hosts = ["{{/repository/host}}"]
only_if = { "/action" = "published" }
`);
  });
  try {
    const chiffon = new Chiffon(server);
    await chiffon.signIn(page);
    await page.goto(chiffon.at("operations"));
    const webhooks = page.getByRole("region", { name: "Webhooks" });
    await expect(webhooks, "what is missing is said").toContainText("chiffon token create forge --program");
    await chiffon.call("POST", "/tokens", { name: "forge", role: "requester", program: true, label: "webhook" });

    const release = { action: "published", repository: { host: "nas" } };
    const asked = await call(server.url, release);
    expect(asked).toMatchObject({ status: 202, answer: { outcome: "asked" } });
    expect(await call(server.url, release)).toMatchObject({
      answer: { outcome: "again", request_id: asked.answer.request_id },
    });
    expect(await call(server.url, { action: "deleted" })).toMatchObject({ answer: { outcome: "passed_over" } });
    expect((await call(server.url, release, "guessed")).status).toBe(401);

    await page.reload();
    for (const words of ["1 asked", "1 came again", "1 passed over", "1 refused", "not one of this hook's secret"])
      await expect(webhooks).toContainText(words);
    await expect(webhooks).not.toContainText("can’t ask");
    expect(await violations(page)).toEqual([]);

    await page.goto(chiffon.at(`requests/${asked.answer.request_id}`));
    await expect(page.getByText("(webhook forge)")).toBeVisible();
  } finally {
    await server.end();
  }
});
