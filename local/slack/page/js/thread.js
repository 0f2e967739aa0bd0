/** The thread next to the channel (instead of it on a narrow screen). */
import { fill, h, reconcile } from "./dom.js";
import { iconButton } from "./icons.js";
import { MessagePane } from "./message_pane.js";
import { messageItems, replyCount } from "./messages.js";
import { byTime } from "./store.js";

export class ThreadPane extends MessagePane {
  #shown = "";

  /** @param {Store} store */
  constructor(store) {
    super(store, { tag: "aside", class: "thread", label: "Messages of the thread", listLabel: "Thread", jumpText: "Latest replies", composerId: "thread-composer", commands: false, threadTs: () => store.route.thread });
    this.element.setAttribute("aria-label", "Thread");
    this.element.onkeydown = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.#close();
  }

  #close() {
    const root = this.store.route.thread;
    this.store.go({ thread: null });
    /** @type {HTMLElement | null} */ (document.querySelector(`.channel [data-ts="${CSS.escape(root ?? "")}"] .thread-link`))?.focus();
  }

  draw() {
    const { store } = this;
    const { channel } = store;
    const root = store.route.thread;
    const all = channel ? (store.messages.get(channel.id) ?? []) : [];
    const parent = all.find((message) => message.ts === root);
    const missing = Boolean(root && channel && store.loaded && !parent);
    this.element.hidden = !parent && !missing;
    document.body.classList.toggle("with-thread", !this.element.hidden);
    if (root !== this.#shown || this.element.hidden) this.pinned = true;
    this.#shown = root ?? "";
    if (this.element.hidden || !channel) return;
    fill(
      this.header,
      iconButton("back", "Back to the channel", () => this.#close(), { class: "icon-button back-button" }),
      h("div", { class: "pane-titles" }, h("h2", { class: "pane-title" }, "Thread"), h("p", { class: "pane-topic" }, `#${channel.name}`)),
      iconButton("close", "Close the thread", () => this.#close(), { class: "icon-button close-button", title: "Close (Esc)" }),
    );
    this.composer.element.hidden = missing;
    this.composer.moveTo(`${store.me?.id}/${root}`, "Reply…");
    reconcile(this.list, parent ? this.#items(parent, all, channel) : [gone()]);
    this.keepEnd();
  }

  /** @param {Message} parent @param {Message[]} all @param {Channel} channel */
  #items(parent, all, channel) {
    const setting = /** @type {const} */ ({ store: this.store, channel, place: "thread", all });
    const replies = all.filter((message) => message.thread_ts === parent.ts && message.ts !== parent.ts);
    const below = byTime([...replies, ...this.store.ephemeralsIn(channel.id, parent.ts)]);
    const count = replyCount(replies.length);
    const line = { key: "count", signature: count, build: () => h("div", { class: "line replies" }, h("span", null, count)) };
    return [...messageItems([parent], setting), ...(replies.length ? [line] : []), ...messageItems(below, setting)];
  }
}

function gone() {
  return { key: "gone", signature: "gone", build: () => h("div", { class: "intro" }, h("p", null, "This message is not in the channel any more.")) };
}
