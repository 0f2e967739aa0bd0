/** The workspace's control API, and its stream of changes. */

/** @typedef {{kind: string, channel?: string}} Change */

/** Between two attempts to reach the server again, in milliseconds. */
const RETRY_FIRST = 500;
const RETRY_MOST = 5000;

/** @param {string} path @returns {Promise<any>} */
async function get(path) {
  const response = await fetch(`/_control/${path}`, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** Posts and always answers: an unreachable server is an answer too, in words. @param {string} path @param {RequestInit} request @returns {Promise<Answer>} */
async function send(path, request) {
  try {
    const response = await fetch(`/_control/${path}`, { method: "POST", ...request });
    return await response.json();
  } catch {
    // Nothing came, or something that is no answer: a stopping server says that in HTML.
    return { ok: false, error: "The workspace cannot be reached just now. Try again in a moment." };
  }
}

/** @param {string} path @returns {(body: object) => Promise<Answer>} */
function poster(path) {
  return (body) => send(path, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export const api = {
  state: () => get("state"),
  /** @param {string} channel @returns {Promise<Message[]>} */
  messages: async (channel) => (await get(`messages/${encodeURIComponent(channel)}`)).messages,
  /** @param {string} user @returns {Promise<Message[]>} */
  ephemerals: async (user) => (await get(`ephemerals/${encodeURIComponent(user)}`)).ephemerals,
  message: poster("message"),
  shortcut: poster("shortcut"),
  command: poster("command"),
  interact: poster("interact"),
  viewSubmit: poster("view_submit"),
  viewClose: poster("view_close"),
  openHome: poster("open-home"),
  /** @param {Record<string, string>} fields @param {File[]} files */
  upload: (fields, files) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const file of files) form.append("file", file, file.name);
    return send("upload", { body: form });
  },
};

/**
 * Follows the workspace's changes for ever; when the line is cut it is opened again.
 *
 * @param {{onChange: (change: Change) => void, onOnline: () => void, onOffline: () => void}} listener
 */
export function follow(listener) {
  let wait = RETRY_FIRST;
  const connect = () => {
    const source = new EventSource("/_control/stream");
    source.onopen = () => {
      wait = RETRY_FIRST;
      listener.onOnline();
    };
    source.addEventListener("change", (event) => listener.onChange(JSON.parse(event.data)));
    source.onerror = () => {
      // The browser's own reconnect gives up for good on some answers; this one never does.
      source.close();
      listener.onOffline();
      setTimeout(connect, wait);
      wait = Math.min(RETRY_MOST, wait * 2);
    };
  };
  connect();
}
