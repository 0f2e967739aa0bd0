/** The modal on top for the acting user: drawn from the view the server holds, submitted or closed through it. */
import { api } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { closeDialog, openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { missing, submission } from "./inputs.js";
import { closeMenu } from "./menu.js";
import { textObject } from "./mrkdwn.js";
import { clickHandler } from "./element_clicks.js";

export class Modal {
  /** @type {HTMLDialogElement | null} */
  #dialog = null;
  #shown = "";
  /** @type {Record<string, string>} */
  #errors = {};
  #banner = "";
  #sending = false;

  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  draw() {
    const view = this.store.view;
    if (!view) return this.#hide();
    const isNew = `${this.store.me?.id}/${view.id}` !== this.#shown;
    if (isNew) {
      this.#shown = `${this.store.me?.id}/${view.id}`;
      this.#errors = {};
      this.#banner = "";
      this.#sending = false;
    }
    const label = view.title?.text ?? "Dialog";
    this.#dialog ??= openDialog({ class: "dialog modal", label, onCancel: () => this.#close() }, h("form", { class: "modal-form", method: "dialog", novalidate: true }));
    this.#dialog.setAttribute("aria-label", label);
    const form = /** @type {HTMLFormElement} */ (this.#dialog.querySelector("form"));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    if (isNew) form.replaceChildren();
    fill(form, ...this.#parts(view));
    if (isNew) this.#focusFirst(form);
  }

  #hide() {
    this.#shown = "";
    if (!this.#dialog) return;
    closeMenu();
    closeDialog(this.#dialog);
    this.#dialog = null;
  }

  /** The first field, as the person came here to fill it in; without one, the first button. @param {HTMLFormElement} form */
  #focusFirst(form) {
    const wanted = form.querySelector("[autofocus]") ?? form.querySelector(".modal-body :is(input, textarea, .select)") ?? form.querySelector(".dialog-buttons .primary") ?? form.querySelector("button");
    /** @type {HTMLElement | null} */ (wanted)?.focus();
  }

  /** @param {View} view */
  #parts(view) {
    const { store } = this;
    const context = { names: store.names, act: clickHandler(store, { view }), values: store.valuesOf(view.id), errors: this.#errors };
    const deeper = Boolean(view.previous_view_id);
    return [
      h(
        "header",
        { class: "modal-head" },
        deeper && iconButton("back", "Back", () => this.#close()),
        h("h2", { class: "dialog-title" }, textObject(view.title, store.names)),
        iconButton("close", "Close", () => this.#close(deeper), { title: "Close (Esc)" }),
      ),
      h(
        "div",
        { class: "modal-body", tabindex: "-1" },
        this.#banner && h("p", { class: "modal-banner", role: "alert" }, icon("alert"), this.#banner),
        h("div", { class: "blocks", "data-key": `blocks/${view.id}` }, renderBlocks(view.blocks, context)),
      ),
      this.#buttons(view),
    ];
  }

  /** @param {View} view */
  #buttons(view) {
    const submit = view.submit && (this.#sending ? "Sending…" : textObject(view.submit, this.store.names));
    return h(
      "footer",
      { class: "dialog-buttons" },
      h("button", { class: "button", type: "button", onclick: () => this.#close() }, view.close ? textObject(view.close, this.store.names) : "Cancel"),
      submit && h("button", { class: `button primary${this.#sending ? " sending" : ""}`, type: "submit", "data-key": "submit", "aria-disabled": this.#sending ? "true" : null }, submit),
    );
  }

  async #submit() {
    const { view, me } = this.store;
    if (!view?.submit || !me || this.#sending) return;
    const values = this.store.valuesOf(view.id);
    this.#errors = missing(view.blocks, values);
    if (Object.keys(this.#errors).length) return this.#showErrors();
    this.#sending = true;
    this.#banner = "";
    this.draw();
    const answer = await api.viewSubmit({ user: me.name, view_id: view.id, values: submission(view.blocks, values) });
    // The view that takes this one's place, or the closing, is on the server already; wait for it rather than blink.
    if (answer.ok) await this.store.loadState();
    this.#sending = false;
    this.#errors = answer.errors ?? {};
    if (!answer.ok && !answer.errors) this.#banner = answer.error;
    this.#showErrors();
  }

  #showErrors() {
    this.draw();
    /** @type {HTMLElement | null} */ (this.#dialog?.querySelector('[aria-invalid="true"]'))?.focus();
  }

  /** Closes this view; a view below it, if any, comes back unless all of them are to go. @param {boolean} [all] */
  async #close(all = false) {
    const { view, me } = this.store;
    if (!view || !me) return;
    if (!view.previous_view_id || all) this.store.dropView(view.id);
    await api.viewClose({ user: me.name, view_id: view.id, ...(all ? { clear: true } : {}) });
    await this.store.loadState();
  }
}
