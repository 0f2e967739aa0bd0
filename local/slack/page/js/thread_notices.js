/** Points at an ephemeral answer in a thread which is not open: without that, a click seems to do nothing. */
import { excerpt } from "./mrkdwn.js";
import { notify } from "./notices.js";

/** Longer sentences are cut; the whole text stands in the thread. */
const SHOWN = 160;

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
    const text = excerpt(message.text.replace(/[*_`]/g, ""), SHOWN) || "Something was said to you in a thread.";
    notify(text, "info", { label: "Open the thread", go: () => this.store.go({ channel: channel.name, thread: message.thread_ts ?? null }) });
  }
}
