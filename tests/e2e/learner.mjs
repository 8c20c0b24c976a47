// What a learner does besides the first steps: looks before applying, watches requests, breaks and
// mends, keeps several terminals, pastes apps of own, and gives the page what it cannot read.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { launch, open, ready, serve, speed, type, write } from "./page.mjs";

const SHOP = readFileSync(new URL("../../scenarios/sandbox/shop.yaml", import.meta.url), "utf8");
/// An app of five parts in the shape of what people bring along: networks, volumes, health checks,
/// conditions; and the same for a cluster.
const POLL = `services:
  vote:
    image: nginx:1.27
    ports: ["9080:80"]
    depends_on: {queue: {condition: service_healthy}}
    networks: [front, back]
  result:
    image: httpd:2.4
    ports: ["9081:80"]
    depends_on: {db: {condition: service_healthy}}
    networks: [front, back]
  worker:
    image: busybox:1.36
    command: sh -c "while true; do sleep 5; done"
    depends_on: {queue: {condition: service_healthy}, db: {condition: service_healthy}}
    networks: [back]
  queue:
    image: redis:7
    healthcheck: {test: ["CMD", "redis-cli", "ping"], interval: 2s}
    networks: [back]
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: secret}
    volumes: ["store:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD-SHELL", "pg_isready -U postgres"], interval: 2s}
    networks: [back]
volumes: {store: {}}
networks: {front: {}, back: {}}
`;
const PARTS = ["vote", "result", "worker", "queue", "db"];
const part = (name, image, more, port) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: poll-${name}}
spec:
  replicas: ${name === "vote" ? 2 : 1}
  selector: {matchLabels: {app: poll-${name}}}
  template:
    metadata: {labels: {app: poll-${name}}}
    spec:
      containers:
      - name: ${name}
        image: ${image}${more}
---
apiVersion: v1
kind: Service
metadata: {name: poll-${name}}
spec: {${port === 80 ? "type: NodePort, " : ""}selector: {app: poll-${name}}, ports: [{port: ${port}}]}
`;
const CLUSTER = [
  part("vote", "nginx:1.27", "\n        readinessProbe: {httpGet: {path: /, port: 80}}", 80),
  part("queue", "redis:7", "", 6379),
  part("db", "postgres:16", "\n        env: [{name: POSTGRES_PASSWORD, value: secret}]", 5432),
].join("---\n");

let browser, site;
before(async () => {
  [browser, site] = [await launch(), await serve()];
});
after(async () => {
  await browser.close();
  site.close();
});

const seen = (locator) => locator.first().waitFor({ timeout: 60_000 });
const paste = async (page, text) => {
  await page.locator("[data-action=new-file]").click();
  await page.locator(".cm-content").waitFor();
  await page.locator("[data-file^=new-].on").first().waitFor();
  await write(page, text);
};
/// How many pixels of the dots are painted.
const painted = (page) => page.evaluate(() => {
  const canvas = document.querySelector("canvas.dots");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return data.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 0 ? at : 0), 0);
});

test("a change is shown before it is applied", async () => {
  const page = await open(browser, site.address);
  await seen(ready(page, "web-"));
  await page.locator(".cm-content").waitFor();
  await page.locator("[data-action=preview]").click();
  await seen(page.locator(".preview p"));
  const extra = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n";
  await write(page, SHOP.replace("replicas: 3", "replicas: 4") + extra);
  await page.locator("[data-action=preview]").click();
  await seen(page.locator(".preview .add", { hasText: "+ v1.ConfigMap.default.extra" }));
  await seen(page.locator(".preview .del", { hasText: "replicas: 3" }));
  await seen(page.locator(".preview .add", { hasText: "replicas: 4" }));
  assert.equal(await page.locator(".screen", { hasText: "kubectl diff" }).count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("requests travel with the clock, and not at all with reduced motion", async () => {
  const page = await open(browser, site.address);
  await seen(ready(page, "web-"));
  await page.waitForFunction(() => {
    const canvas = document.querySelector("canvas.dots");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value) => value > 0);
  });
  await page.locator("[data-action=play]").click();
  await page.waitForTimeout(300);
  const stopped = await painted(page);
  await page.waitForTimeout(300);
  assert.equal(await painted(page), stopped, "the dots stand still");
  await page.locator("[data-action=play]").click();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.waitForTimeout(500);
  assert.equal(await painted(page), 0);
  await page.context().close();
});

test("a pod hangs, is found out, and is mended", async () => {
  const page = await open(browser, site.address, { lang: "ko" });
  await seen(ready(page, "web-"));
  await speed(page, 40);
  const pod = await ready(page, "web-").first().getAttribute("data-tile");
  const silent = page.locator(`[data-tile="${pod}"][data-state="state-not-ready"]`);
  await ready(page, pod).click({ button: "right" });
  await page.locator("[data-fault=fault-hang]").click();
  await silent.waitFor({ timeout: 60_000 });
  await silent.click();
  await seen(page.locator("ol.why li", { hasText: "응답하지 않아요" }));
  await page.locator("[data-action=break]").click();
  await page.locator("[data-action=mend]").click();
  await page.keyboard.press("Escape");
  await page.locator(".menu").waitFor({ state: "detached" });
  await silent.waitFor({ state: "detached", timeout: 60_000 });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a busy terminal is left alone", async () => {
  const page = await open(browser, site.address);
  await seen(ready(page, "web-"));
  await type(page, "kubectl get pods -w");
  await seen(page.locator(".screen .out", { hasText: "AGE" }));
  await page.locator("[data-action=apply]").click();
  await seen(page.locator(".screen", { hasText: "unchanged" }));
  assert.equal(await page.locator("[data-terminal].on").innerText(), "2");
  await page.locator("[data-terminal='1']").click();
  await seen(page.locator(".screen .out", { hasText: "AGE" }));
  assert.equal(await page.locator(".screen", { hasText: "unchanged" }).count(), 0);
  await page.context().close();
});

test("an app of five parts for Compose, pasted into the wrong world", async () => {
  const page = await open(browser, site.address);
  await seen(ready(page, "web-"));
  await paste(page, POLL);
  await page.locator("[data-action=carry]").click();
  await page.locator("[data-machine=host]").waitFor();
  await speed(page, 240);
  page.once("dialog", (dialog) => dialog.accept("poll/compose.yaml"));
  await page.locator("[data-action=rename-file]").click();
  await page.locator('[data-file="poll/compose.yaml"]').waitFor();
  await seen(page.locator(".diag.ok"));
  await page.locator("[data-action=apply]").click();
  for (const name of PARTS) await seen(ready(page, `poll-${name}-1`));
  await ready(page, "poll-db-1").click();
  await page.locator("[data-tab=tab-yaml]").click();
  await seen(page.locator("pre.origin", { hasText: "image: postgres:16" }));
  await seen(page.locator(".inspector pre", { hasText: '"Name": "/poll-db-1"' }));
  await page.locator("[data-service=poll-vote-1]").click();
  await page.locator("[data-tab=tab-summary]").click();
  await page.locator("[data-action=aim]").click();
  await seen(page.locator(".client[title='http://host:9080/']"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("an app for a cluster reaches all ready", async () => {
  const page = await open(browser, site.address);
  await seen(ready(page, "web-"));
  await paste(page, CLUSTER);
  await seen(page.locator(".diag.ok"));
  await speed(page, 240);
  await page.locator("[data-action=apply]").click();
  for (const name of ["vote", "queue", "db"]) await seen(ready(page, `poll-${name}-`));
  await ready(page, "poll-vote-").nth(1).waitFor({ timeout: 60_000 });
  await page.locator("[data-drawer=drawer-deployments] summary").click();
  await page.locator("[data-drawer=drawer-deployments] button", { hasText: "poll-db" }).click();
  await seen(page.locator(".inspector .name", { hasText: "poll-db" }));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what the page cannot read does no harm", async () => {
  const page = await open(browser, site.address);
  await seen(ready(page, "web-"));
  for (const junk of ["{", "\u0000\u0001", `{"format":${"9".repeat(400)}}`, "[".repeat(100_000)]) {
    const chooser = page.waitForEvent("filechooser");
    await page.locator("[data-action=import]").click();
    await (await chooser).setFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from(junk) });
    await page.locator(".notice").waitFor();
    await page.locator(".notice button").last().click();
    await page.locator(".notice").waitFor({ state: "detached" });
  }
  const big = "# ".padEnd(120, "x").concat("\n").repeat(8_000);
  await paste(page, "");
  await page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    document.querySelector(".cm-content").dispatchEvent(event);
  }, big + "\u0007: [\n");
  await seen(page.locator(".diag .place"));
  await type(page, "echo still here");
  await seen(page.locator(".screen .out", { hasText: "still here" }));
  await page.evaluate(() => {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith("drydock.session")) localStorage[key] = "junk";
    }
    // What is kept on leaving would mend it.
    Storage.prototype.setItem = () => {};
  });
  await page.reload();
  await seen(ready(page, "web-"));
  await page.locator(".notice").waitFor();
  await page.context().close();
});
