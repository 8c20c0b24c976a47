// Figures of the page in a real browser: first screen, 1,000 pods, scrubbing.

import { launch, open, serve } from "./page.mjs";

const [browser, site] = [await launch(), await serve()];
const start = Date.now();
const page = await open(browser, site.address);
console.log(`first-screen-time ${Date.now() - start} ms`);
const deployed = JSON.parse(await page.evaluate(() => globalThis.drydock.bench_deployment(50, 1000, 300)));
const small = JSON.parse(await page.evaluate(() => globalThis.drydock.bench_small()));
console.log(`ready-1000-pods-browser ${Math.round(deployed.ready_seconds * 1000)} ms`);
console.log(`steady-browser ${Math.round(deployed.steady)} sim-seconds-per-second`);
console.log(`clone-browser ${deployed.clone_ms.toFixed(1)} ms`);
console.log(`checkpoint-browser ${deployed.checkpoint_ms.toFixed(1)} ms`);
console.log(`peak-browser ${deployed.peak_bytes} bytes`);
console.log(`scrub-browser ${small.scrub_ms.toFixed(1)} ms`);
await browser.close();
site.close();
