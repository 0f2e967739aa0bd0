/** The page's own line icons, as path data on a 20 x 20 grid. They are decoration: hidden from screen readers. */
import { h, svgElement } from "./dom.js";

const PATHS = /** @type {const} */ ({
  hash: ["M7.5 3 6 17M14 3l-1.5 14M3.5 7.2h14M2.8 12.8h14"],
  close: ["M5 5l10 10M15 5 5 15"],
  back: ["M12 4 6 10l6 6"],
  menu: ["M3 5.5h14M3 10h14M3 14.5h14"],
  sun: [
    "M10 6.6a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8z",
    "M10 1.8v1.8M10 16.4v1.8M1.8 10h1.8M16.4 10h1.8M4.2 4.2l1.3 1.3M14.5 14.5l1.3 1.3M4.2 15.8l1.3-1.3M14.5 5.5l1.3-1.3",
  ],
  moon: ["M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z"],
  send: ["M3 3.5 17.5 10 3 16.5l1.8-6.5z", "M4.8 10h6"],
  reply: ["M3 4.5h14v9H9l-4 3.2v-3.2H3z", "M6.5 8h7M6.5 10.6h4.5"],
  link: ["M8.2 11.8a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-1 1", "M11.8 8.2a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l1-1"],
  eye: ["M1.8 10S5 4.6 10 4.6 18.2 10 18.2 10 15 15.4 10 15.4 1.8 10 1.8 10z", "M10 7.7a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z"],
  down: ["M5 7.5l5 5 5-5"],
  more: ["M4.5 10h.01M10 10h.01M15.5 10h.01"],
  check: ["M4 10.5l4 4 8-9"],
  file: ["M5 2.5h6.5L15.5 6.5v11H5z", "M11.5 2.5v4h4"],
  open: ["M11.5 3H17v5.5M17 3l-7.5 7.5M14 11.5V17H3V6h5.5"],
  clip: ["M16.2 9.3l-6.5 6.5a4 4 0 0 1-5.7-5.7l6.9-6.8a2.7 2.7 0 0 1 3.8 3.8l-6.7 6.7a1.3 1.3 0 0 1-1.9-1.9L12 6"],
  slash: ["M3.5 3.5h13v13h-13z", "M11.8 6.4l-3.6 7.2"],
  alert: ["M10 3 18 16.5H2z", "M10 8v4M10 14.3h.01"],
});

/** @param {keyof typeof PATHS} name @returns {SVGElement} */
export function icon(name) {
  const paths = PATHS[name].map((d) => svgElement("path", { d }));
  return svgElement("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" }, ...paths);
}

/** A button that shows only an icon. @param {keyof typeof PATHS} name @param {string} label @param {(event: any) => void} onclick @param {Record<string, any>} [props] */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, ...props, onclick }, icon(name));
}
