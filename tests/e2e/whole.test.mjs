// A page whose wasm is in one piece (Trunk's, or that of `serve --dev`) does what the other one does.
// DIST names its folder.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, serve, type, write } from "./page.mjs";

test("the page in one piece runs, with its terminal and its editor", async () => {
  const [browser, site] = [await launch(), await serve()];
  const page = await open(browser, site.address);
  await page.locator('[data-tile^="web-"][data-state="state-ready"]').first().waitFor({ timeout: 60_000 });
  await type(page, "kubectl describe nodes");
  await page.locator(".terminal", { hasText: "Allocated resources" }).waitFor();
  await write(page, "kind: [");
  await page.locator(".cm-lint-marker-error, .cm-lintRange-error").first().waitFor();
  assert.equal(await page.evaluate(() => globalThis.drydockRest.first), undefined);
  assert.deepEqual(page.complaints, []);
  await browser.close();
  site.close();
});
