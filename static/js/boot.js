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

const show = (error) => {
  const app = document.getElementById("app");
  const line = document.createElement("p");
  line.className = "boot";
  line.textContent = `Drydock could not start: ${error}`;
  app?.replaceChildren(line);
};

const source = bundle ? bundle.wasm() : new URL("drydock_bg.wasm", import.meta.url);
init({ module_or_path: source }).then(() => { globalThis.drydock = drydock; }, show);

if (!bundle && "serviceWorker" in navigator && location.protocol === "https:") {
  navigator.serviceWorker.register("offline.js");
}
