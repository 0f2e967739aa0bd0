/**
 * Dialogs on the browser's own <dialog>: it keeps the focus inside, makes the rest of the page inert and gives the
 * focus back. Used by modals, confirmations and the enlarged picture.
 */
import { h } from "./dom.js";
import { icon, iconButton } from "./icons.js";
import { textObject } from "./mrkdwn.js";

/**
 * Opens a dialog. Escape calls `onCancel` instead of closing it, so that the owner decides.
 *
 * @param {{class: string, label: string, onCancel: () => void}} options
 * @param {...any} children
 * @returns {HTMLDialogElement}
 */
export function openDialog(options, ...children) {
  const dialog = h("dialog", { class: options.class, "aria-label": options.label }, ...children);
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    options.onCancel();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {HTMLDialogElement} dialog */
export function closeDialog(dialog) {
  dialog.close();
  dialog.remove();
}

/** Asks the question of a Block Kit `confirm` object. @param {Block} confirm @param {Names} names @returns {Promise<boolean>} */
export function askConfirm(confirm, names) {
  return new Promise((resolve) => {
    const done = (/** @type {boolean} */ answer) => {
      closeDialog(dialog);
      resolve(answer);
    };
    const dialog = openDialog(
      { class: "dialog confirm", label: confirm.title.text, onCancel: () => done(false) },
      h("h2", { class: "dialog-title" }, textObject(confirm.title, names)),
      h("div", { class: "confirm-text mrkdwn" }, textObject(confirm.text, names)),
      h(
        "div",
        { class: "dialog-buttons" },
        h("button", { class: "button", type: "button", onclick: () => done(false) }, confirm.deny?.text ?? "Cancel"),
        h("button", { class: `button ${confirm.style ?? "primary"}`, type: "button", autofocus: true, onclick: () => done(true) }, confirm.confirm?.text ?? "Yes"),
      ),
    );
  });
}

/** Shows a picture as large as the window allows; a click next to it or Escape closes. @param {{src: string, alt: string, title?: string}} picture */
export function openPicture(picture) {
  const close = () => closeDialog(dialog);
  const name = picture.title || picture.alt || "Picture";
  const dialog = openDialog(
    { class: "lightbox", label: name, onCancel: close },
    h(
      "div",
      { class: "lightbox-bar" },
      h("span", { class: "lightbox-title" }, name),
      h("a", { class: "icon-button", href: picture.src, target: "_blank", rel: "noopener", "aria-label": "Open the picture in a new tab", title: "Open in a new tab" }, icon("open")),
      iconButton("close", "Close", close, { autofocus: true }),
    ),
    h(
      "div",
      { class: "lightbox-stage", onclick: (/** @type {MouseEvent} */ event) => event.target === event.currentTarget && close() },
      h("img", { src: picture.src, alt: picture.alt }),
    ),
    picture.alt && picture.alt !== name && h("p", { class: "lightbox-alt" }, picture.alt),
  );
}
