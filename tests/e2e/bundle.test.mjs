// The one-file bundle runs from file:// with the network off.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dist, launch } from "./page.mjs";

test("the bundle works offline from a file", async () => {
  const browser = await launch();
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  const asked = [];
  page.on("request", (r) => /^https?:/.test(r.url()) && asked.push(r.url()));
  await page.goto(`file://${dist}/drydock.html`);
  await page.locator('[data-tile^="web-"][data-state="state-ready"]').first().waitFor({ timeout: 60_000 });
  await page.locator(".cm-content").waitFor();
  assert.deepEqual(asked, []);
  await browser.close();
});
