// Runs the instrumented page's rehearsal without a document and prints the indices of the
// functions that were entered. Usage: profile.mjs PROBE_WASM

import { readFileSync } from "node:fs";

const called = new Set();
const imports = {};
const module = new WebAssembly.Module(readFileSync(process.argv[2]));
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  imports[from] ??= {};
  imports[from][name] = () => { throw new Error(`the rehearsal calls ${name}`); };
}
imports.profile.called = (index) => called.add(index);
const instance = new WebAssembly.Instance(module, imports);
if (!(instance.exports.rehearse() > 1)) throw new Error("the rehearsal shows nothing");
console.log([...called].sort((a, b) => a - b).join(" "));
