/** The thread beside the channel (in its place on a narrow screen). */
import { Composer } from "./composer.js";
import { fill, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { messageItems } from "./messages.js";
import { EndPin } from "./scroll.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").Message} Message */

export class ThreadPane {
  #shown = "";

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.header = h("header", { class: "pane-header" });
    this.list = h("div", { class: "message-list", role: "log", "aria-label": "Thread", "aria-relevant": "additions" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Messages of the thread" }, this.list);
    this.jump = h("button", { class: "jump", type: "button", hidden: true, onclick: () => this.pin.toEnd() }, icon("down"), h("span", null, "Latest replies"));
    this.composer = new Composer(store, { id: "thread-composer", commands: false, threadTs: () => store.route.thread, onSent: () => this.pin.toEnd() });
    this.element = h(
      "aside",
      { class: "pane thread", "aria-label": "Thread", hidden: true, onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.#close() },
      this.header,
      h("div", { class: "scroll-area" }, this.scroller, this.jump),
      this.composer.element,
    );
    this.pin = new EndPin(this.scroller, this.list, () => {
      this.jump.hidden = this.pin.pinned;
    });
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
    if (this.element.hidden || !channel) {
      this.#shown = "";
      return;
    }
    if (root !== this.#shown) {
      this.#shown = root ?? "";
      this.pin.pinned = true;
    }
    fill(this.header, ...this.#header(channel.name));
    this.composer.element.hidden = missing;
    this.composer.moveTo(`${store.me?.id}/${root}`, "Reply…");
    reconcile(this.list, parent ? this.#items(parent, all, channel) : [gone()]);
    this.pin.keep();
  }

  /** @param {string} name */
  #header(name) {
    return [
      h("button", { class: "icon-button back-button", type: "button", "aria-label": "Back to the channel", onclick: () => this.#close() }, icon("back")),
      h("div", { class: "pane-titles" }, h("h2", { class: "pane-title" }, "Thread"), h("p", { class: "pane-topic" }, `#${name}`)),
      h("button", { class: "icon-button close-button", type: "button", "aria-label": "Close the thread", title: "Close (Esc)", onclick: () => this.#close() }, icon("close")),
    ];
  }

  /** @param {Message} parent @param {Message[]} all @param {import("./types.js").Channel} channel */
  #items(parent, all, channel) {
    const { store } = this;
    const setting = /** @type {const} */ ({ store, channel, place: "thread", all });
    const replies = all.filter((message) => message.thread_ts === parent.ts && message.ts !== parent.ts);
    const whispers = store.ephemerals.filter((one) => one.channel === channel.id && one.thread_ts === parent.ts && !store.dismissed.has(one.ts));
    const below = [...replies, ...whispers].sort((a, b) => Number(a.ts) - Number(b.ts));
    const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
    const line = { key: "count", signature: count, build: () => h("div", { class: "line replies" }, h("span", null, count)) };
    return [...messageItems([parent], setting), ...(replies.length ? [line] : []), ...messageItems(below, setting)];
  }
}

function gone() {
  return { key: "gone", signature: "gone", build: () => h("div", { class: "intro" }, h("p", null, "This message is not in the channel any more.")) };
}
