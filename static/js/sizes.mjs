// Compressed sizes of the page against the budgets. Usage: sizes.mjs DIST BUDGETS

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const [dist, budgets] = process.argv.slice(2);
// What the first screen needs (tests/e2e/parts.test.mjs shows that it does without the rest).
const FIRST = ["index.html", "boot.js", "drydock.js", "drydock_bg.wasm", "style/tokens.css",
  "style/app.css", "icons/drydock.svg"];

const files = (dir, prefix = "") =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path, `${prefix}${name}/`) : [`${prefix}${name}`];
  });
const squeeze = (name) =>
  brotliCompressSync(readFileSync(join(dist, name)), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
  }).length;

let first = 0;
for (const name of files(dist).filter((f) => f !== "drydock.html").sort()) {
  const raw = statSync(join(dist, name)).size;
  const small = squeeze(name);
  if (FIRST.includes(name)) first += small;
  console.log(`${name.padEnd(24)} ${String(raw).padStart(9)} B ${String(small).padStart(9)} B brotli`);
}
const budget = (name) =>
  Number(readFileSync(budgets, "utf8").split("\n").find((l) => l.startsWith(`${name} `)).split(" ")[1]);
const limit = budget("first-screen");
console.log(`first screen: ${first} B brotli; budget ${limit}`);
if (first > limit) {
  console.error(`the first screen is ${first - limit} B over its budget`);
  process.exit(1);
}
