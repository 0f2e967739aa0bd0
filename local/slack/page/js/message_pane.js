/** A pane with a header, a list of messages and a composer; the list stays at its end until the reader scrolls up. */
import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** Nearer to the end than this counts as being there, in pixels. */
const NEAR = 48;

export class MessagePane {
  /** Whether the reader is at the end of the list. */
  pinned = true;
  #height = 0;

  /**
   * @param {Store} store
   * @param {{tag: string, class: string, label: string, listLabel: string, jumpText: string, composerId: string, commands: boolean,
   *   threadTs: () => string | null}} options
   */
  constructor(store, options) {
    this.store = store;
    this.header = h("header", { class: "pane-header" });
    this.list = h("div", { class: "message-list", role: "log", "aria-label": options.listLabel, "aria-relevant": "additions" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": options.label }, this.list);
    this.jump = h("button", { class: "jump", type: "button", hidden: true, onclick: () => this.toEnd() }, icon("down"), h("span", null, options.jumpText));
    this.composer = new Composer(store, { id: options.composerId, commands: options.commands, threadTs: options.threadTs, onSent: () => this.toEnd() });
    this.element = h(options.tag, { class: `pane ${options.class}` }, this.header, h("div", { class: "scroll-area" }, this.scroller, this.jump), this.composer.element);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // Pictures grow the list long after it was drawn, and the composer shrinks its window.
    const observer = new ResizeObserver(() => this.keepEnd());
    observer.observe(this.list);
    observer.observe(this.scroller);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const grown = scrollHeight !== this.#height;
    this.#height = scrollHeight;
    const near = scrollHeight - scrollTop - clientHeight < NEAR;
    // A list that grew moves the end away without anybody having scrolled.
    if (grown && this.pinned && !near) this.keepEnd();
    else if (near !== this.pinned) this.#pin(near);
  }

  /** @param {boolean} pinned */
  #pin(pinned) {
    this.pinned = pinned;
    this.jump.hidden = pinned;
    this.store.changed();
  }

  /** Goes to the end if that is where the reader was. */
  keepEnd() {
    if (!this.pinned) return;
    this.jump.hidden = true;
    this.#height = this.scroller.scrollHeight;
    this.scroller.scrollTop = this.#height;
  }

  toEnd() {
    this.#pin(true);
    this.keepEnd();
  }
}
