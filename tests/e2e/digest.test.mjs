// The simulation is deterministic to the bit: the digests of a fixed run are equal natively and in
// the browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { launch, open, serve } from "./page.mjs";

test("native and browser digests are equal", async () => {
  const [browser, site] = [await launch(), await serve()];
  const page = await open(browser, site.address);
  const native = execFileSync(process.env.DRYDOCK, ["digest", "--seed", "7"], { encoding: "utf8" });
  const inBrowser = await page.evaluate(() => globalThis.drydock.digests(7n));
  assert.equal(inBrowser.trim(), native.trim());
  assert.equal(native.trim().split("\n").length, 24);
  await browser.close();
  site.close();
});
