/**
 * One list of options that opens at a button: for selects, overflow menus and a message's menu.
 * Arrow keys move, Enter or Space picks, typing finds, Escape closes and returns the focus.
 */
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {{value: string, label: Node[], text: string, description?: Node[], group?: Node[]}} Option
 * @typedef {{options: Option[], selected?: string[], multiple?: boolean, label: string, onPick: (value: string) => void}} MenuOptions
 */

/** With more options than this a field to search them appears, as people cannot scan a longer list. */
const SEARCH_FROM = 9;

/** Closes the menu that is open, if one is. */
export let closeMenu = () => {};

/** Opens the menu at `anchor`, or closes it when it is already open there. @param {HTMLElement} anchor @param {MenuOptions} options */
export function openMenu(anchor, options) {
  const wasOpen = anchor.getAttribute("aria-expanded") === "true";
  closeMenu();
  if (wasOpen) return;
  const chosen = new Set(options.selected ?? []);
  const list = h("div", { class: "menu-list", role: "listbox", "aria-label": options.label, "aria-multiselectable": options.multiple ?? null, tabindex: "-1" });
  const search = options.options.length >= SEARCH_FROM ? h("input", { class: "menu-search", type: "text", placeholder: "Search", "aria-label": "Search the options", oninput: () => draw() }) : null;
  const box = h("div", { class: "menu" }, search, list);

  const pick = (/** @type {string} */ value) => {
    if (options.multiple) {
      if (!chosen.delete(value)) chosen.add(value);
      draw();
    } else {
      close();
    }
    options.onPick(value);
  };
  const draw = () => drawOptions(list, options, chosen, (search?.value ?? "").toLowerCase(), pick);
  const close = () => {
    closeMenu = () => {};
    box.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("resize", close);
    if (anchor.isConnected) anchor.focus();
  };
  const outside = (/** @type {Event} */ event) => {
    const target = /** @type {Node} */ (event.target);
    if (!box.contains(target) && !anchor.contains(target)) close();
  };

  box.onkeydown = (/** @type {KeyboardEvent} */ event) => onKey(event, box, close);
  draw();
  // Inside a modal everything outside the dialog is inert, so the menu has to live in it.
  (anchor.closest("dialog") ?? document.body).append(box);
  place(box, anchor);
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  window.addEventListener("resize", close);
  closeMenu = close;
  (search ?? box.querySelector('[aria-selected="true"]') ?? box.querySelector("[role=option]") ?? list).focus();
}

/** @param {HTMLElement} list @param {MenuOptions} options @param {Set<string>} chosen @param {string} wanted @param {(value: string) => void} pick */
function drawOptions(list, options, chosen, wanted, pick) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.value;
  const shown = options.options.filter((option) => option.text.toLowerCase().includes(wanted));
  const rows = /** @type {HTMLElement[]} */ ([]);
  let group = /** @type {Node[] | undefined} */ (undefined);
  for (const option of shown) {
    if (option.group && option.group !== group) rows.push(h("div", { class: "menu-group", role: "presentation" }, option.group.map((node) => node.cloneNode(true))));
    group = option.group;
    rows.push(row(option, chosen.has(option.value), pick));
  }
  list.replaceChildren(...(rows.length ? rows : [h("div", { class: "menu-empty" }, "Nothing found")]));
  if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-value="${CSS.escape(focused)}"]`))?.focus();
}

/** @param {Option} option @param {boolean} selected @param {(value: string) => void} pick */
function row(option, selected, pick) {
  return h(
    "div",
    { class: "menu-option", role: "option", tabindex: "-1", "data-value": option.value, "aria-selected": String(selected), onclick: () => pick(option.value) },
    h("span", { class: "menu-check" }, selected && icon("check")),
    h("span", { class: "menu-text" }, option.label.map((node) => node.cloneNode(true)), option.description && h("small", null, option.description)),
  );
}

/** @param {KeyboardEvent} event @param {HTMLElement} box @param {() => void} close */
function onKey(event, box, close) {
  const rows = /** @type {HTMLElement[]} */ ([...box.querySelectorAll("[role=option]")]);
  const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const moves = /** @type {Record<string, number>} */ ({ ArrowDown: at + 1, ArrowUp: at < 0 ? rows.length - 1 : at - 1, Home: 0, End: rows.length - 1 });
  const inSearch = document.activeElement instanceof HTMLInputElement;
  if (event.key === "Escape" || event.key === "Tab") {
    close();
  } else if (event.key in moves && !(inSearch && (event.key === "Home" || event.key === "End"))) {
    rows[(moves[event.key] + rows.length) % rows.length]?.focus();
  } else if (event.key === "Enter" || (event.key === " " && !inSearch)) {
    (at >= 0 ? rows[at] : rows[0])?.click();
  } else {
    if (!inSearch && event.key.length === 1) rows.find((element, index) => index > at && element.innerText.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Below the anchor where there is room, else above; never outside the window. @param {HTMLElement} box @param {HTMLElement} anchor */
function place(box, anchor) {
  const at = anchor.getBoundingClientRect();
  const gap = 4;
  box.style.minWidth = `${Math.max(180, at.width)}px`;
  const size = box.getBoundingClientRect();
  const below = at.bottom + gap + size.height <= innerHeight;
  const above = at.top - gap - size.height;
  box.style.top = `${below || above < 8 ? Math.max(8, Math.min(at.bottom + gap, innerHeight - size.height - 8)) : above}px`;
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
}
