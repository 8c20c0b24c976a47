// Folds dist/ into one HTML file that runs from file:// without a network.
// Usage: bundle.mjs DIST OUT

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const [dist, out] = process.argv.slice(2);
const read = (name) => readFileSync(join(dist, name), "utf8");

// A script element ends at the first "</script"; in JavaScript strings "<\/" means the same.
const inline = (script) => script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

const bundle = async (entry, globalName) => {
  const result = await build({
    entryPoints: [join(dist, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    globalName,
    define: { "import.meta.url": '"file:///drydock/"' },
    external: ["./editor.js"],
    logLevel: "error",
  });
  return result.outputFiles[0].text;
};

const parts = ["drydock_bg", "drydock_rest"].map((name) => {
  const wasm = gzipSync(readFileSync(join(dist, `${name}.wasm`)), { level: 9 }).toString("base64");
  return `<script type="application/octet-stream" id="${name}">${wasm}</script>`;
});
const editor = await bundle("editor.js", "drydockEditorModule");
const boot = await bundle("boot.js", "drydockBoot");
const icon = Buffer.from(read("icons/drydock.svg")).toString("base64");

const html = read("index.html")
  .replace(/<link rel="stylesheet"[^>]*>\n?/g, "")
  .replace(/<script[^>]*boot\.js[^>]*><\/script>\n?/, "")
  .replace("icons/drydock.svg", `data:image/svg+xml;base64,${icon}`)
  .replace("</head>", () => `<style>${read("style/tokens.css")}${read("style/app.css")}</style></head>`)
  .replace("</body>", () => `${parts.join("\n")}
<script>${inline(editor)}</script>
<script>
globalThis.drydockBundle = {
  editor: async () => drydockEditorModule,
  part: async (name) => {
    const text = atob(document.getElementById(name).textContent);
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  },
};
</script>
<script>${inline(boot)}</script></body>`);
writeFileSync(out, html);
console.log(`${out}: ${html.length} B`);
