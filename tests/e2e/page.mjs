// What the tests of the page share: a server for dist/, a browser, a page.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css",
  ".wasm": "application/wasm", ".svg": "image/svg+xml", ".json": "application/json" };
export const dist = process.env.DIST ?? new URL("../../dist", import.meta.url).pathname;

/// Serve dist/, or another folder, on a free port.
export async function serve(folder = dist) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    try {
      const body = await readFile(join(folder, path.endsWith("/") ? `${path}index.html` : path));
      response.writeHead(200, { "Content-Type": KINDS[extname(path)] ?? "text/html" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic",
      "--no-first-run", "--disable-component-update", "--disable-sync"],
  });

/// Open the page in a language; complaints of the browser end up in `page.complaints`.
export async function open(browser, address, { lang = "en", width = 1280, height = 800, dark = false,
  route } = {}) {
  const context = await browser.newContext({
    locale: lang === "ko" ? "ko-KR" : "en-US", viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
  });
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (line) => line.type() === "error" && page.complaints.push(line.text()));
  if (route) await page.route(...route);
  await page.goto(address);
  await page.waitForSelector("[data-machine]", { timeout: 30_000 });
  return page;
}

/// Type a command and press Enter.
export async function type(page, line) {
  const field = page.locator(".terminal input");
  await field.fill(line);
  await field.press("Enter");
}

/// Tiles that are ready, by the start of their names.
export const ready = (page, name) =>
  page.locator(`[data-tile^="${name}"][data-state="state-ready"]`);

/// Let simulated time run fast.
export const speed = (page, quarters) => page.locator(".speed").selectOption(String(quarters));

/// Simulated milliseconds.
export const now = async (page) => Number(await page.locator(".clock").getAttribute("data-now"));

/// Replace the text of the editor.
export async function write(page, text) {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}
