/**
 * What is shown lives in the address, so that a link shows the same thing to somebody else:
 * `#/rft?as=alice&thread=1700000000.000100`, `#/app/proctor?as=bob&tab=about`.
 */

/** @typedef {{channel: string | null, app: string | null, as: string | null, thread: string | null, tab: string | null}} Route */

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [first = "", second = ""] = path.split("/").map(decodeURIComponent);
  const params = new URLSearchParams(query);
  const isApp = first === "app";
  return {
    channel: isApp ? null : first || null,
    app: isApp ? second || null : null,
    as: params.get("as"),
    thread: isApp ? null : params.get("thread"),
    tab: params.get("tab"),
  };
}

/** @param {Route} route @returns {string} */
export function formatRoute(route) {
  const params = new URLSearchParams();
  for (const name of /** @type {const} */ (["as", "thread", "tab"])) {
    const value = route[name];
    if (value) params.set(name, value);
  }
  const path = route.app ? `app/${encodeURIComponent(route.app)}` : encodeURIComponent(route.channel ?? "");
  const query = params.toString();
  return `#/${path}${query ? `?${query}` : ""}`;
}
