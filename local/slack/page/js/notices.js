/** Short sentences at the lower edge: what went wrong with a click, what was copied. */
import { h } from "./dom.js";
import { icon } from "./icons.js";

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
    h("button", { class: "icon-button", type: "button", "aria-label": "Dismiss", onclick: () => note.remove() }, icon("close")),
  );
  // A modal dialog covers everything else, so a notice about it belongs into it.
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (dialog) dialog.append(region);
  else document.body.append(region);
  region.replaceChildren(note);
  setTimeout(() => note.remove(), SHOWN_FOR);
}
