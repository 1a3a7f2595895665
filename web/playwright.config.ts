import { defineConfig } from "@playwright/test";

// Tests in a real Chromium against a real Chiffon (tests/chiffon.ts starts it): `npx playwright test` after `npm run build` and a build of the
// binary. One worker: they share one Chiffon.
export default defineConfig({
  testDir: "tests",
  workers: 1,
  retries: 0,
  reporter: "list",
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    browserName: "chromium",
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    actionTimeout: 20_000,
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // Chromium's own sandbox can't be set up by root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
});
