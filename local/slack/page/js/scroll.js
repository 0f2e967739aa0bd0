/** Keeps a list at its end while it was at its end, and leaves it alone when the reader has scrolled up. */

/** Nearer to the end than this counts as being there, in pixels. */
const NEAR = 48;

export class EndPin {
  pinned = true;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content
   * @param {() => void} onChange called when the reader leaves the end or returns to it
   */
  constructor(scroller, content, onChange) {
    this.scroller = scroller;
    this.onChange = onChange;
    this.height = 0;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // Pictures grow the list long after it was drawn, and the composer shrinks its window.
    const observer = new ResizeObserver(() => this.keep());
    observer.observe(content);
    observer.observe(scroller);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const grown = scrollHeight !== this.height;
    this.height = scrollHeight;
    const near = scrollHeight - scrollTop - clientHeight < NEAR;
    // A list that grew moves the end away without anybody having scrolled.
    if (grown && this.pinned && !near) return this.keep();
    if (near === this.pinned) return;
    this.pinned = near;
    this.onChange();
  }

  /** Goes to the end if that is where the reader was. */
  keep() {
    if (!this.pinned) return;
    this.height = this.scroller.scrollHeight;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  toEnd() {
    this.pinned = true;
    this.keep();
    this.onChange();
  }
}
