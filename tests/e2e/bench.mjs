// Figures of the page in a real browser: first screen, 1,000 pods, scrubbing.

import { launch, open, serve } from "./page.mjs";

const [browser, site] = [await launch(), await serve()];
const start = Date.now();
const page = await open(browser, site.address);
console.log(`first-screen-time ${Date.now() - start} ms`);
const figure = (name) => page.evaluate((n) => globalThis.drydock[n](), name);
console.log(`ready-1000-pods-browser ${Math.round(await figure("bench_deploy"))} ms`);
console.log(`steady-browser ${Math.round(await figure("bench_steady"))} sim-seconds-per-second`);
console.log(`scrub-browser ${(await figure("bench_scrub")).toFixed(1)} ms`);
await browser.close();
site.close();
