/** Short sentences at the lower edge: what went wrong with a click, what was copied, what was said in a closed thread. */
import { h } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { excerpt } from "./mrkdwn.js";

const SHOWN_FOR = 8000;

const region = h("div", { class: "notices", role: "status", "aria-live": "polite" });
document.body.append(region);

/** @param {string} sentence @param {"error" | "info"} [kind] @param {{label: string, go: () => void}} [action] what can be done about it */
export function notify(sentence, kind = "info", action = undefined) {
  const act = () => {
    note.remove();
    action?.go();
  };
  const note = h(
    "div",
    { class: `notice ${kind}` },
    kind === "error" && icon("alert"),
    h("span", { class: "notice-text" }, sentence),
    action && h("button", { class: "link-button", type: "button", onclick: act }, action.label),
    iconButton("close", "Dismiss", () => note.remove()),
  );
  // A modal dialog covers everything else, so a notice about it belongs into it.
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (dialog) dialog.append(region);
  else document.body.append(region);
  region.replaceChildren(note);
  setTimeout(() => note.remove(), SHOWN_FOR);
}

/** Longer sentences are cut; the whole text is in the thread. */
const LONGEST = 160;

/** Points at an ephemeral answer in a thread which is not open: without that, a click seems to do nothing. */
export class ThreadNotices {
  /** @type {Set<string>} */
  #known = new Set();
  #user = "";

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  draw() {
    const { store } = this;
    const owner = store.ephemeralsOf;
    if (!owner || owner !== store.me?.id) return;
    const fresh = store.ephemerals.filter((one) => !this.#known.has(one.ts));
    for (const one of fresh) this.#known.add(one.ts);
    // What was said before this account was looked at is history.
    const isFirst = owner !== this.#user;
    this.#user = owner;
    if (isFirst) return;
    const hidden = fresh.filter((one) => one.thread_ts && one.thread_ts !== store.route.thread).at(-1);
    if (hidden) this.#point(hidden);
  }

  /** @param {Message} message */
  #point(message) {
    const channel = this.store.names.channel(message.channel ?? "");
    if (!channel) return;
    const text = excerpt(message.text.replace(/[*_`]/g, ""), LONGEST) || "Something was said to you in a thread.";
    notify(text, "info", { label: "Open the thread", go: () => this.store.go({ channel: channel.name, thread: message.thread_ts ?? null }) });
  }
}
