// Does what the first paragraph of the README says, in a real browser, in both languages.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import "./learner.mjs";
import { launch, now, open, ready, serve, speed, type, write } from "./page.mjs";

const TEXTS = {
  en: { ready: "ready", why: "Why", apply: "Apply" },
  ko: { ready: "준비됨", why: "이유", apply: "적용(Apply)" },
};
const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
spec:
  replicas: 2
  selector:
    matchLabels: {app: hello}
  template:
    metadata:
      labels: {app: hello}
    spec:
      containers:
      - name: hello
        image: nginx:1.27
`;
const COMPOSE = `services:
  cache:
    image: redis:7
  front:
    image: nginx:1.27
    ports: ["9090:80"]
    depends_on: [cache]
`;
let browser, site;
before(async () => {
  [browser, site] = [await launch(), await serve()];
});
after(async () => {
  await browser.close();
  site.close();
});

const count = (locator, n) =>
  assert.doesNotReject(locator.nth(n - 1).waitFor({ timeout: 60_000 }));

for (const lang of ["en", "ko"]) {
  test(`a Kubernetes app from paste to why (${lang})`, async () => {
    const page = await open(browser, site.address, { lang });
    await count(ready(page, "web-"), 1);
    await speed(page, 40);
    await page.locator("[data-action=new-file]").click();
    await page.locator(".cm-content").waitFor();
    await write(page, MANIFEST.replace("image: nginx", "imge: nginx"));
    await page.locator(".diag .message", { hasText: 'unknown field' }).waitFor();
    await write(page, MANIFEST);
    await page.locator(".diag.ok").waitFor();
    assert.equal(await page.locator("[data-action=apply]").innerText(), TEXTS[lang].apply);
    await page.locator("[data-action=apply]").click();
    await count(ready(page, "hello-"), 2);
    await page.locator(".screen", { hasText: "deployment.apps/hello created" }).waitFor();

    await type(page, "kubectl get deployments hello");
    await page.locator(".screen", { hasText: /hello\s+2\/2\s+2\s+2/ }).waitFor();

    await ready(page, "hello-").first().click();
    await page.locator("ol.why li", { hasText: "kubectl apply" }).first().waitFor();
    const steps = await page.locator("ol.why:not(.history) li").count();
    assert.ok(steps >= 4, `the chain of causes has ${steps} steps`);

    await page.locator("[data-action=break]").click();
    await page.locator("[data-control=place]").selectOption("node-1");
    await page.locator("[data-fault=fault-host-down]").click();
    await speed(page, 1200);
    await page.locator(".machine.down").first().waitFor({ timeout: 60_000 });
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`a Compose app from paste to all up (${lang})`, async () => {
    const page = await open(browser, site.address, { lang });
    await page.locator("[data-platform=platform-docker]").click();
    await page.locator("[data-machine=host]").waitFor();
    await speed(page, 40);
    await page.locator("[data-action=new-file]").click();
    await page.locator(".cm-content").waitFor();
    await write(page, COMPOSE);
    await page.locator(".diag.ok").waitFor();
    await page.locator("[data-action=apply]").click();
    await count(ready(page, "student-front"), 1);
    await count(ready(page, "student-cache"), 1);
    await type(page, "docker ps --format '{{.Names}}'");
    await page.locator(".screen .out", { hasText: "student-front-1" }).first().waitFor();
    await ready(page, "student-front").first().click();
    await page.locator("ol.why li", { hasText: "docker compose" }).first().waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("time stops, steps, runs and goes back", async () => {
  const page = await open(browser, site.address);
  await count(ready(page, "web-"), 1);
  await page.locator("[data-action=play]").click();
  const stopped = await now(page);
  await page.waitForTimeout(400);
  assert.equal(await now(page), stopped, "the clock stands still");
  await page.locator("[data-action=step]").click();
  assert.ok((await now(page)) >= stopped);
  const slider = page.locator(".track input");
  await slider.fill("0");
  await page.locator(".page.past").waitFor();
  assert.equal(await ready(page, "web-").count(), 0, "nothing was ready at the start");
  await page.locator("[data-action=present-time]").click();
  await count(ready(page, "web-"), 1);
  await page.context().close();
});

test("a session is found again after a reload and opens from a link", async () => {
  const page = await open(browser, site.address);
  await count(ready(page, "web-"), 1);
  await type(page, "kubectl create deployment kept --image=redis:7");
  await count(ready(page, "kept-"), 1);
  await page.waitForTimeout(5_500);
  await page.reload();
  await count(ready(page, "kept-"), 1);
  await page.locator("[data-action=share]").click();
  const link = page.url();
  assert.match(link, /#s=/);
  const other = await open(browser, link);
  await count(ready(other, "kept-"), 1);
  await page.context().close();
  await other.context().close();
});

test("damaged links and hostile text do no harm", async () => {
  const page = await open(browser, `${site.address}#s=broken`);
  await page.locator(".notice").waitFor();
  await count(ready(page, "web-"), 1);
  await type(page, "echo '<img src=x onerror=document.title=1>'");
  await page.locator(".screen .out", { hasText: "<img" }).first().waitFor();
  assert.equal(await page.title(), "Drydock");
  assert.equal(await page.locator(".screen img").count(), 0);
  await page.context().close();
});

test("everything fits a narrow screen", async () => {
  const page = await open(browser, site.address, { width: 320, height: 640 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 320, `the page is ${wide} px wide`);
  for (const panel of ["files", "terminal", "inspector", "graphs", "map"]) {
    await page.locator(`[data-panel=${panel}]`).click();
    await page.locator(`section.${panel}`).waitFor();
  }
  await page.context().close();
});

test("the keyboard reaches every action", async () => {
  const page = await open(browser, site.address);
  const actions = ["share", "theme", "new-file", "apply", "play", "step", "break"];
  const reached = new Set();
  await page.locator("body").press("Tab");
  for (let n = 0; n < 150 && reached.size < actions.length; n += 1) {
    const action = await page.evaluate(() => document.activeElement?.dataset?.action ?? "");
    if (actions.includes(action)) reached.add(action);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
  }
  assert.deepEqual([...reached].sort(), [...actions].sort());
  await page.context().close();
});
