/** The workspace's control API, and its stream of changes. */

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {{seq?: number, kind: string, channel?: string, user?: string, ts?: string}} Change */

/** Between two attempts to reach the server again, in milliseconds. */
const RETRY_FIRST = 500;
const RETRY_MOST = 5000;

/** @param {string} path @returns {Promise<any>} */
async function get(path) {
  const response = await fetch(`/_control/${path}`, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/**
 * Posts and always answers: an unreachable server is an answer too, in words.
 *
 * @param {string} path
 * @param {object} body
 * @returns {Promise<Answer>}
 */
function post(path, body) {
  return send(path, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/** @param {string} path @param {RequestInit} request @returns {Promise<Answer>} */
async function send(path, request) {
  try {
    const response = await fetch(`/_control/${path}`, { method: "POST", ...request });
    const answer = await response.json().catch(() => ({}));
    return { ok: response.ok && answer.ok !== false, ...answer };
  } catch {
    return { ok: false, error: "The workspace cannot be reached just now. Try again in a moment." };
  }
}

/** A list, whether it came bare or under its name. @param {any} answer @param {string} name */
function listOf(answer, name) {
  return Array.isArray(answer) ? answer : (answer[name] ?? []);
}

export const api = {
  state: () => get("state"),
  /** @param {string} channel @returns {Promise<import("./types.js").Message[]>} oldest first */
  messages: async (channel) => listOf(await get(`messages/${encodeURIComponent(channel)}`), "messages"),
  /** @param {string} user @returns {Promise<import("./types.js").Message[]>} */
  ephemerals: async (user) => listOf(await get(`ephemerals/${encodeURIComponent(user)}`), "ephemerals"),
  /** @param {{channel: string, user: string, text: string, thread_ts?: string}} body */
  message: (body) => post("message", body),
  /** @param {{channel: string, user: string, text: string, thread_ts?: string}} fields @param {File[]} files */
  upload: (fields, files) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const file of files) form.append("file", file, file.name);
    return send("upload", { body: form });
  },
  /** @param {{channel: string, messageTs: string, user: string, callback_id: string}} body */
  shortcut: (body) => post("shortcut", body),
  /** @param {{channel: string, user: string, command: string, text: string}} body */
  command: (body) => post("command", body),
  /** @param {{channel?: string, messageTs?: string, view_id?: string, user: string, action: object, state?: object}} body */
  interact: (body) => post("interact", body),
  /** @param {{user: string, view_id: string, values: object}} body */
  viewSubmit: (body) => post("view_submit", body),
  /** @param {{user: string, view_id: string}} body */
  viewClose: (body) => post("view_close", body),
  /** @param {{user: string}} body */
  openHome: (body) => post("open-home", body),
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
