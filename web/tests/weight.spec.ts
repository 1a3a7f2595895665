import type { Response } from "@playwright/test";

import { DEVELOPED, expect, test } from "./chiffon";

const MOST = 200_000;

test.skip(DEVELOPED !== undefined, "a development server sends sources");

test("the first load is light", async ({ chiffon, page }) => {
  await chiffon.signIn(page);
  // As they come over the wire: what an earlier load has left in the browser weighs nothing.
  const browser = await page.context().newCDPSession(page);
  await browser.send("Network.enable");
  await browser.send("Network.setCacheDisabled", { cacheDisabled: true });
  const urls = new Map<string, string>();
  const sizes = new Map<string, number>();
  browser.on("Network.responseReceived", ({ requestId, response }) => {
    if (/\.(?:js|css)$/.test(new URL(response.url).pathname)) urls.set(requestId, response.url);
  });
  browser.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const url = urls.get(requestId);
    if (url !== undefined) sizes.set(url, encodedDataLength);
  });
  await page.goto(chiffon.page);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.waitForLoadState("load");
  const total = Array.from(sizes.values()).reduce((sum, size) => sum + size, 0);
  const list = Array.from(sizes, ([url, size]) => `${size} ${url}`).join("\n");
  console.log(`first load: ${total} bytes`);
  expect(total, "something was loaded").toBeGreaterThan(50_000);
  expect(total, `bytes of scripts and styles as they were sent:\n${list}`).toBeLessThan(MOST);
});

test("what is loaded comes compressed and is kept for good", async ({ chiffon, page }) => {
  const answers: Response[] = [];
  page.on("response", (response) => {
    if (/\/assets\/.+\.(?:js|css)$/.test(response.url())) answers.push(response);
  });
  await chiffon.signIn(page);
  expect(answers.length).toBeGreaterThan(0);
  for (const response of answers) {
    const { "content-encoding": encoding, "cache-control": kept } = response.headers();
    expect.soft(kept, response.url()).toContain("immutable");
    // What fits into one packet gains nothing.
    if ((await response.body()).length > 1400) expect.soft(encoding, response.url()).toMatch(/^(?:br|gzip|zstd)$/);
  }
});
