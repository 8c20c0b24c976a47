// The first screen runs on the first part of the wasm alone; the rest comes after it, or when
// something needs it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, serve, type } from "./page.mjs";

const REST = "**/drydock_rest.wasm";
const ready = '[data-tile^="web-"][data-state="state-ready"]';

test("the first screen does not need the rest", async () => {
  const [browser, site] = [await launch(), await serve()];
  let free;
  const held = new Promise((done) => { free = done; });
  // Whoever needs the rest at once would wait for ever here.
  const page = await open(browser, site.address, {
    route: [REST, async (route) => { await held; await route.continue(); }],
  });
  await page.locator(ready).first().waitFor({ timeout: 60_000 });
  assert.equal(await page.evaluate(() => globalThis.drydockRest.first.there.value), 0);
  free();
  await page.waitForFunction(() => globalThis.drydockRest.first.there.value === 1);
  await type(page, "kubectl get nodes -o wide");
  await page.locator(".terminal", { hasText: "INTERNAL-IP" }).waitFor();
  assert.deepEqual(page.complaints, []);
  await browser.close();
  site.close();
});

test("what needs the rest before it is there gets it", async () => {
  const [browser, site] = [await launch(), await serve()];
  const page = await open(browser, site.address, {
    // The request in the background fails; the one that is waited for does not.
    route: [REST, async (route) =>
      route.request().resourceType() === "fetch" ? route.abort() : route.continue()],
  });
  await page.locator(ready).first().waitFor({ timeout: 60_000 });
  await type(page, "kubectl describe nodes");
  await page.locator(".terminal", { hasText: "Allocated resources" }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.drydockRest.first.there.value), 1);
  await browser.close();
  site.close();
});
