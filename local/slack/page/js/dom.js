/**
 * Building elements and turning one tree into another in place.
 * Text only ever enters the page as text nodes and attributes, so nothing a message says can become markup.
 */

/** Handlers are properties, not listeners: morph can then hand the newest ones to an element that stays. */
const HANDLERS = ["onclick", "onchange", "oninput", "onkeydown", "onsubmit", "onload", "onerror", "onblur", "onfocus"];

/** Set by a click while its answer is awaited; a redraw of the same button must not take it away. */
const TRANSIENT = new Set(["data-waiting", "aria-busy", "aria-expanded"]);

/**
 * Makes an element. `null`, `undefined` and `false` props and children are left out.
 *
 * @param {string} tag
 * @param {Record<string, any> | null} [props] attributes; `on...` functions become properties, `style` is an object
 * @param {...any} children nodes, strings, numbers, or arrays of these
 * @returns {any} the element (loosely typed on purpose: callers know the tag they asked for)
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProp(element, name, value);
  append(element, children);
  return element;
}

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...Element} children @returns {SVGElement} */
export function svgElement(tag, attributes, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS("http://www.w3.org/2000/svg", tag));
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @param {Element} element @param {any[]} children */
function append(element, children) {
  element.append(...children.flat(4).filter((child) => child !== null && child !== undefined && child !== false));
}

/** @param {any} element @param {string} name @param {any} value */
function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element[name] = value;
  else if (name === "style") Object.assign(element.style, value);
  else if (name === "value" || name === "checked") element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Makes `from` look like `to` while keeping every element that can stay: focus, scroll positions, loaded images and
 * half-typed text survive. Elements with different `data-key`s are never merged.
 *
 * @param {any} from
 * @param {any} to
 * @returns {any} the node that is now in the document
 */
function morph(from, to) {
  if (!alike(from, to)) {
    from.replaceWith(to);
    return to;
  }
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return from;
  }
  syncAttributes(from, to);
  morphChildren(from, to);
  return from;
}

/** Makes the children of `from` look like those of `to`, matching by `data-key` where there is one, else by position. @param {Element} from @param {Element | DocumentFragment} to */
function morphChildren(from, to) {
  const keyed = new Map();
  for (const child of from.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let cursor = /** @type {any} */ (from.firstChild);
  for (const next of [...to.childNodes]) {
    const known = keyed.get(keyOf(next));
    if (known && alike(known, next)) {
      if (known === cursor) cursor = cursor.nextSibling;
      else from.insertBefore(known, cursor);
      keyed.delete(keyOf(next));
      morph(known, next);
    } else if (cursor && !keyOf(cursor) && !keyOf(next) && alike(cursor, next)) {
      const following = cursor.nextSibling;
      morph(cursor, next);
      cursor = following;
    } else {
      from.insertBefore(next, cursor);
    }
  }
  while (cursor) {
    const following = cursor.nextSibling;
    cursor.remove();
    cursor = following;
  }
}

/** @param {any} a @param {any} b */
function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b) && a.type === b.type;
}

/** @param {any} node */
function keyOf(node) {
  return node.dataset?.key;
}

/** @param {any} from @param {any} to */
function syncAttributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !TRANSIENT.has(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    // Setting src again, even to the same address, makes the browser fetch and flash the picture.
    if (from.getAttribute(name) === value || (TRANSIENT.has(name) && from.hasAttribute(name))) continue;
    // The page's content policy forbids style attributes, not styles set by a script of its own.
    if (name === "style") from.style.cssText = value;
    else from.setAttribute(name, value);
  }
  for (const handler of HANDLERS) if (from[handler] !== to[handler]) from[handler] = to[handler];
  if ("value" in to && from.value !== to.value && from.nodeName !== "LI") from.value = to.value;
  if ("checked" in to && from.checked !== to.checked) from.checked = to.checked;
}

/** Makes `parent` hold these nodes, keeping every element that can stay. @param {Element} parent @param {...any} nodes */
export function fill(parent, ...nodes) {
  const holder = document.createDocumentFragment();
  append(/** @type {any} */ (holder), nodes);
  morphChildren(parent, holder);
}

/** @typedef {{key: string, signature: string, build: () => HTMLElement}} Item */

/**
 * Makes `parent` hold exactly these items in this order. An item whose signature did not change is not even built, so a
 * long channel costs nothing when one message changes.
 *
 * @param {HTMLElement} parent
 * @param {Item[]} items
 */
export function reconcile(parent, items) {
  const present = new Map([.../** @type {any} */ (parent.children)].map((child) => [child.dataset.key, child]));
  let cursor = parent.firstElementChild;
  for (const item of items) {
    let node = present.get(item.key);
    present.delete(item.key);
    if (node === cursor && cursor) cursor = cursor.nextElementSibling;
    else if (node) parent.insertBefore(node, cursor);
    if (node?.dataset.signature === item.signature) continue;
    const built = item.build();
    built.dataset.key = item.key;
    built.dataset.signature = item.signature;
    if (node) node = morph(node, built);
    else parent.insertBefore(built, cursor);
  }
  for (const gone of present.values()) gone.remove();
}
