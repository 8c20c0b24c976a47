// Keeps a released page usable without a network after the first visit.
//
// What lies in `v/<build>/<page>/` never changes: it is taken from the copy once it is there, and each
// such folder has a copy of its own, so that a page never gets parts of two builds. Everything else,
// such as the document that names the folder, is asked for at the server first.

const FOLDER = /\/v\/([0-9a-f]{12}\/[0-9a-f]{12})\//;
const OTHERS = "drydock documents";
/// Copies of folders that are kept: the oldest go first.
const MOST = 4;

const copy = (folder) => `drydock folder ${folder}`;

/// Make room for one more copy.
const thin = async () => {
  const names = (await caches.keys()).filter((name) => name.startsWith(copy("")));
  for (const name of names.slice(0, Math.max(0, names.length - MOST + 1))) await caches.delete(name);
};

const unchanging = async (request, folder) => {
  if (!(await caches.has(copy(folder)))) await thin();
  const cache = await caches.open(copy(folder));
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
};

const changing = async (request) => {
  const cache = await caches.open(OTHERS);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
};

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  // Before builds had folders, one copy held them all.
  event.waitUntil(caches.delete("drydock").then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || new URL(url).origin !== location.origin) return;
  const folder = FOLDER.exec(new URL(url).pathname)?.[1];
  event.respondWith(folder ? unchanging(event.request, folder) : changing(event.request));
});
