// Starts the page: loads the wasm, and later the parts that the first screen does not need.
//
// In the one-file bundle `globalThis.drydockBundle` holds the wasm and the editor instead of files.

import init, * as drydock from "./drydock.js";

const bundle = globalThis.drydockBundle;

/// The editor, loaded when it is first shown.
let editor;
globalThis.drydockEditor = () => {
  editor ??= bundle ? bundle.editor() : import("./editor.js");
  return editor;
};

/// Download a text as a file.
globalThis.drydockSave = (name, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

/// Let a file be chosen; its text.
globalThis.drydockOpen = () => new Promise((done, fail) => {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".json,application/json";
  input.onchange = () => input.files[0]?.text().then(done, fail);
  input.oncancel = fail;
  input.click();
});

/// The folder of the site: builds lie below it in `v/<build>/`.
const site = new URL(location.pathname.replace(/v\/[0-9a-f]{12}\/[^/]*$/, ""), location);

/// The list of builds that the site keeps; none in one file, or without a server.
globalThis.drydockBuilds = async () => {
  if (bundle || !/^https?:$/.test(location.protocol)) return "[]";
  const signal = AbortSignal.timeout(5000);
  const answer = await fetch(new URL("v/builds.json", site), { cache: "no-cache", signal });
  return answer.ok ? answer.text() : "[]";
};

/// Let the browser do what it has to.
globalThis.drydockPause = () => new Promise((done) => setTimeout(done));

const show = (error) => {
  const app = document.getElementById("app");
  const line = document.createElement("p");
  line.className = "boot";
  line.textContent = `Drydock could not start: ${error}`;
  app?.replaceChildren(line);
};

// The wasm comes in two parts: what the first screen runs, and the rest. The build decides which
// function goes where; calling one that is not there yet loads the rest at once.
const restUrl = new URL("drydock_rest.wasm", import.meta.url);
let restModule;

/// Join the rest to the first part.
const join = (module) => {
  const { first } = globalThis.drydockRest;
  if (first.there.value) return;
  new WebAssembly.Instance(module, { first });
  first.there.value = 1;
};

/// The rest, waiting for it: nothing else can go on without it.
const fetchNow = () => {
  const request = new XMLHttpRequest();
  request.open("GET", restUrl, false);
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (request.status !== 200) throw new Error(`${restUrl}: ${request.status}`);
  return new WebAssembly.Module(Uint8Array.from(request.responseText, (c) => c.charCodeAt(0)));
};

/// The rest, in the background.
const fetchLater = async () => {
  const answer = await fetch(restUrl);
  if (!answer.ok) throw new Error(`${restUrl}: ${answer.status}`);
  return WebAssembly.compile(await answer.arrayBuffer());
};

// `drydock.js` puts the exports of the first part into `first`.
globalThis.drydockRest = { first: undefined, imports: { load: () => join(restModule ?? fetchNow()) } };

/// Start with the wasm in one piece, as `cargo xtask serve --dev` and Trunk build it.
const startWhole = async () => {
  await init();
  globalThis.drydock = drydock;
};

/// Start; who has been here before, or comes by a link, needs more than the first part at once.
const start = async () => {
  const source = bundle ? bundle.part("drydock_bg") : fetch(new URL("drydock_bg.wasm", import.meta.url));
  const again = location.hash.length > 1 || localStorage.length > 0;
  if (bundle) restModule = await WebAssembly.compile(await bundle.part("drydock_rest"));
  else if (again) restModule = await fetchLater().catch(() => undefined);
  await init({ module_or_path: source });
  globalThis.drydock = drydock;
  // One frame for the first screen, then the rest.
  requestAnimationFrame(() => setTimeout(async () => join(restModule ?? (await fetchLater()))));
};
(DRYDOCK_WHOLE ? startWhole() : start()).catch(show);

/// Keep a released page usable without a network. Elsewhere one address holds another build after
/// each change, and a copy could mix them.
const keep = async () => {
  await navigator.serviceWorker.register(new URL("offline.js", site));
  await navigator.serviceWorker.ready;
  // What was loaded before there was anybody to keep it.
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  await Promise.allSettled([location.href, ...loaded].map((address) => fetch(address)));
};
const released = /\/v\/[0-9a-f]{12}\/[0-9a-f]{12}\//.test(import.meta.url);
if (!bundle && released && "serviceWorker" in navigator && isSecureContext) {
  addEventListener("load", () => keep().catch(console.warn));
}
