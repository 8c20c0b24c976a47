// A site with two builds: what an earlier build saved opens there; what a build saved that the site
// does not have is typed anew, said in both languages, and overwrites nothing.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { launch, open, ready, serve, type } from "./page.mjs";

const OLDER = "0123456789ab";
const UNKNOWN = "ba9876543210";
// The site lies below a folder of its server, as on many hosts.
const SUB = "courses/drydock/";
const TEXTS = {
  en: { anew: "typed anew", untouched: "Your own work is untouched", earlier: "earlier build" },
  ko: { anew: "다시 입력했기", untouched: "내 작업은 그대로", earlier: "이전 빌드" },
};

let browser, folder, site, root, build;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "drydock-site-"));
  const into = join(folder, SUB);
  const task = ["run", "--quiet", "--package", "xtask", "--", "release", "--no-build", "--into", into];
  execFileSync("cargo", task, { stdio: "inherit" });
  build = JSON.parse(readFileSync(join(into, "v/builds.json"), "utf8"))[0].id;
  rename(join(into, "v"), OLDER, "2026-01-01T00:00:00Z");
  [browser, site] = [await launch(), await serve(folder)];
  root = `${site.address}${SUB}`;
});
after(async () => {
  await browser.close();
  site.close();
  rmSync(folder, { recursive: true });
});

/// Put the same engine under another name beside it: inside it is another build.
function rename(v, name, date) {
  cpSync(join(v, build), join(v, name), { recursive: true });
  for (const file of readdirSync(join(v, name), { recursive: true })) {
    if (!file.endsWith(".wasm")) continue;
    const bytes = readFileSync(join(v, name, file));
    for (let at = bytes.indexOf(build); at >= 0; at = bytes.indexOf(build, at)) bytes.write(name, at);
    writeFileSync(join(v, name, file), bytes);
  }
  const version = "0.0.1";
  writeFileSync(join(v, name, "build.json"), JSON.stringify({ date, id: name, version }));
  const list = JSON.parse(readFileSync(join(v, "builds.json"), "utf8"));
  list.push({ date, id: name, version });
  writeFileSync(join(v, "builds.json"), JSON.stringify(list.sort((a, b) => (a.date < b.date ? 1 : -1))));
}

const unpack = (link) => JSON.parse(inflateRawSync(Buffer.from(link, "base64url")));
const pack = (save) => deflateRawSync(JSON.stringify(save)).toString("base64url");
const buildOf = (page) => page.evaluate(() => globalThis.drydock.build());
const stored = (page, key) => page.evaluate((k) => localStorage.getItem(k), key);
const notice = (page, text) => page.locator(".notice", { hasText: text }).waitFor();
const shows = (page, text) =>
  page.locator(".screen", { hasText: text }).waitFor({ timeout: 60_000 });

/// The link of a session in which something was done.
async function worked(address, line) {
  const page = await open(browser, address);
  await ready(page, "web-").first().waitFor({ timeout: 60_000 });
  await type(page, line);
  await shows(page, "created");
  await page.locator("[data-action=share]").click();
  const link = page.url().split("#s=")[1];
  await page.context().close();
  return link;
}

test("the page, the program and the site name the same build", async () => {
  const said = execFileSync(process.env.DRYDOCK, ["--version"], { encoding: "utf8" });
  const page = await open(browser, root);
  assert.equal(await buildOf(page), build);
  assert.ok(said.includes(`build ${build}`), said);
  await page.locator("[data-action=about]").click();
  await page.locator(`.about [data-build="${build}"]`, { hasText: build }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".about").waitFor({ state: "detached" });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a link of an earlier build opens in it, and from there in the newest", async () => {
  const link = await worked(`${root}v/${OLDER}/`, "kubectl create deployment kept --image=redis:7");
  assert.equal(unpack(link).build, OLDER);
  const page = await open(browser, `${root}#s=${link}`);
  await page.waitForURL(`${root}v/${OLDER}/#s=${link}`);
  await shows(page, "deployment.apps/kept created");
  assert.equal(await buildOf(page), OLDER);
  await notice(page, TEXTS.en.earlier);
  const said = await page.locator(".notice").innerText();
  assert.ok(!said.includes(TEXTS.en.anew), said);
  // A visit to the site goes on where it was.
  await page.waitForTimeout(5_500);
  await page.goto(`${root}?again`);
  await page.waitForURL(`${root}v/${OLDER}/`);
  await shows(page, "deployment.apps/kept created");
  const kept = await stored(page, `drydock.session.kubernetes.${OLDER}`);
  await page.locator("[data-action=newest]").click();
  await page.waitForURL(/&anew$/);
  await notice(page, TEXTS.en.anew);
  assert.equal(await buildOf(page), build);
  await shows(page, "deployment.apps/kept created");
  const original = unpack(await stored(page, `drydock.session.kubernetes.${OLDER}`));
  assert.deepEqual(original.log, unpack(kept).log, "the original stays");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const lang of ["en", "ko"]) {
  test(`a link of a build that is not there is typed anew (${lang})`, async () => {
    const save = unpack(await worked(root, "kubectl create deployment far --image=redis:7"));
    const link = pack({ ...save, build: UNKNOWN, steps: save.steps + 9, digest: "0" });
    const page = await open(browser, root, { lang, width: 320, height: 640 });
    await page.locator("[data-panel=terminal]").click();
    await type(page, "echo own");
    await page.waitForTimeout(5_500);
    const key = `drydock.session.kubernetes.${build}`;
    const own = unpack(await stored(page, key)).log.length;
    await page.goto(`${root}?other#s=${link}`);
    await notice(page, TEXTS[lang].anew);
    await notice(page, TEXTS[lang].untouched);
    await notice(page, UNKNOWN);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 320, `the page is ${wide} px wide`);
    await page.locator("[data-panel=terminal]").click();
    await shows(page, "deployment.apps/far created");
    await page.waitForTimeout(5_500);
    assert.equal(unpack(await stored(page, key)).log.length, own, "nothing is overwritten");
    await page.locator("[data-action=return]").click();
    await page.locator("[data-panel=terminal]").click();
    await shows(page, "echo own");
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("the learner's session of a build that is not there stays until it is removed", async () => {
  const save = unpack(await worked(root, "kubectl create deployment mine --image=redis:7"));
  const key = `drydock.session.kubernetes.${UNKNOWN}`;
  const original = pack({ ...save, build: UNKNOWN });
  const page = await open(browser, root);
  await page.evaluate(([key, text, name]) => {
    localStorage.clear();
    localStorage.setItem(key, text);
    localStorage.setItem("drydock.build.kubernetes", name);
  }, [key, original, UNKNOWN]);
  // The page that is left keeps nothing any more.
  await page.addInitScript(() => {});
  await page.goto("about:blank");
  await page.goto(root);
  await notice(page, TEXTS.en.anew);
  await shows(page, "deployment.apps/mine created");
  await page.waitForTimeout(5_500);
  assert.equal(await stored(page, key), original, "the original is as it was");
  const own = unpack(await stored(page, `drydock.session.kubernetes.${build}`));
  assert.equal(own.build, build, "what came of it is kept beside it");
  await page.locator("[data-action=earlier]").click();
  await page.locator(`[data-earlier="${key}"] [data-action=remove-earlier]`).click();
  await page.locator(`[data-earlier="${key}"]`).waitFor({ state: "detached" });
  assert.equal(await stored(page, key), null);
  await page.reload();
  await shows(page, "deployment.apps/mine created");
  assert.equal(await page.locator(".notice").count(), 0, "once is enough");
  await page.context().close();
});

test("a hand-in of an earlier build opens in it", async () => {
  const link = await worked(`${root}v/${OLDER}/`, "kubectl create deployment handed --image=redis:7");
  const page = await open(browser, root);
  const choosing = page.waitForEvent("filechooser");
  await page.locator("[data-action=import]").click();
  const file = { name: "drydock.json", mimeType: "application/json" };
  await (await choosing).setFiles({ ...file, buffer: Buffer.from(JSON.stringify(unpack(link))) });
  await page.waitForURL(new RegExp(`/v/${OLDER}/#s=`));
  await shows(page, "deployment.apps/handed created");
  assert.equal(await buildOf(page), OLDER);
  await page.context().close();
});

test("a link that would take for ever says so and can be stopped", async () => {
  const save = unpack(await worked(root, "kubectl create deployment x --image=redis:7"));
  const { at } = save.log.at(-1).moment;
  const flood = { Load: { name: "client", url: "http://node-1:30080/", from: "", rate_milli: 4e9 } };
  const log = [...save.log, { moment: { steps: save.steps, at }, command: flood }];
  const page = await browser.newPage();
  await page.goto(`${root}#s=${pack({ ...save, log, now: 3e13, steps: 2e7 })}`);
  await page.locator(".waiting button").click({ timeout: 60_000 });
  await notice(page, "stopped");
  await ready(page, "web-").first().waitFor({ timeout: 60_000 });
  await page.goto(`${root}?long#s=${pack({ ...save, now: 1e19 })}`);
  await notice(page, "ten simulated years");
  await page.close();
});

test("a released page works without a network and never mixes builds", async () => {
  const page = await open(browser, root);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const whole = () => page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.includes("folder"));
    const counts = names.map(async (name) => (await (await caches.open(name)).keys()).length);
    return Promise.all(counts);
  });
  while ((await whole()).every((count) => count < 7)) await page.waitForTimeout(100);
  await page.context().setOffline(true);
  await page.reload();
  await page.locator("[data-machine]").first().waitFor();
  assert.equal(await buildOf(page), build);
  await page.context().setOffline(false);
  // The site is updated while the page is open: its next visit is wholly of the other build.
  const index = join(folder, SUB, "index.html");
  const text = readFileSync(index, "utf8");
  writeFileSync(index, text.replaceAll(`v/${build}/`, `v/${OLDER}/`));
  const asked = new Set();
  page.on("request", (request) => {
    const found = /\/v\/([0-9a-f]{12})\/[0-9a-f]{12}\//.exec(request.url());
    if (found) asked.add(found[1]);
  });
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await page.locator("[data-machine]").first().waitFor();
  await page.locator(".cm-content").waitFor();
  assert.equal(await buildOf(page), OLDER);
  assert.deepEqual([...asked], [OLDER]);
  writeFileSync(index, text);
  await page.context().close();
});
