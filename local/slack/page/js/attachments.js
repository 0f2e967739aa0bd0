/** The files that wait to be sent with a message: picked, dropped or pasted, and taken away again. */
import { h } from "./dom.js";
import { icon, iconButton } from "./icons.js";

/** As Slack has it. */
const MOST = 10;

export class Attachments {
  /** @type {File[]} */
  files = [];

  /** @param {() => void} onChange called whenever files came or went by the person's own doing */
  constructor(onChange) {
    this.onChange = onChange;
    this.picker = h("input", { type: "file", multiple: true, hidden: true, "aria-hidden": "true", tabindex: "-1", onchange: () => this.#picked() });
    this.button = iconButton("clip", "Attach files", () => this.picker.click());
    this.list = h("ul", { class: "attachments", "aria-label": "Attached files", hidden: true });
  }

  /** Shows exactly these files. @param {File[]} files */
  show(files) {
    this.files = files;
    this.list.hidden = files.length === 0;
    this.list.replaceChildren(...files.map((file) => this.#row(file)));
  }

  /** Takes files that are dropped on, or pasted into, this element. @param {HTMLElement} element */
  acceptOn(element) {
    element.append(this.picker);
    element.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      element.classList.add("dropping");
    });
    element.addEventListener("dragleave", (event) => {
      if (!element.contains(/** @type {Node | null} */ (event.relatedTarget))) element.classList.remove("dropping");
    });
    element.addEventListener("drop", (event) => {
      element.classList.remove("dropping");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.#add([...event.dataTransfer.files]);
    });
    element.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.#add([...event.clipboardData.files]);
    });
  }

  #picked() {
    this.#add([...(this.picker.files ?? [])]);
    // Picking the same file again must count as a change too.
    this.picker.value = "";
  }

  /** @param {File[]} files */
  #add(files) {
    this.show([...this.files, ...files].slice(0, MOST));
    this.onChange();
  }

  /** @param {File} file */
  #row(file) {
    const remove = () => {
      this.show(this.files.filter((one) => one !== file));
      this.onChange();
    };
    return h(
      "li",
      { class: "attachment-chip" },
      icon("file"),
      h("span", { class: "attachment-name", title: file.name }, file.name),
      h("small", null, sizeOf(file.size)),
      iconButton("close", `Remove ${file.name}`, remove, { title: "Remove" }),
    );
  }
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
