/**
 * The emoji that apps use most, drawn here so that they look the same on every machine, also on one without a colour
 * emoji font. Everything else is left to the font.
 */
import { h, svgElement } from "./dom.js";

/** @typedef {[shape: "path" | "circle" | "rect", attributes: Record<string, string | number>]} Stroke */

/** @param {string} fill @returns {Stroke} */
const disc = (fill) => ["circle", { cx: 10, cy: 10, r: 8, fill }];
/** @param {string} d @param {string} [stroke] @returns {Stroke} */
const mark = (d, stroke = "#fff") => ["path", { d, fill: "none", stroke, "stroke-width": 2.2, "stroke-linecap": "round", "stroke-linejoin": "round" }];
/** @param {string} d @param {string} fill @returns {Stroke} */
const shape = (d, fill) => ["path", { d, fill }];
/** @param {string} fill @returns {Stroke} */
const tile = (fill) => ["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill }];

const GLASS = "M5 2h10v2.6c0 2.6-3.2 3.6-3.2 5.4s3.2 2.8 3.2 5.4V18H5v-2.6c0-2.6 3.2-3.6 3.2-5.4S5 7.2 5 4.6z";

const DRAWN = /** @type {Record<string, Stroke[]>} */ ({
  "✅": [tile("#1f9d63"), mark("M6 10.4l2.8 2.8L14 7.2")],
  "☑": [tile("#3b78d8"), mark("M6 10.4l2.8 2.8L14 7.2")],
  "✔": [mark("M4 10.8l4 4 8-9.6", "#1f9d63")],
  "❌": [mark("M5 5l10 10M15 5 5 15", "#d9304f")],
  "✖": [mark("M5 5l10 10M15 5 5 15", "#7d838f")],
  "⚠": [shape("M10 1.6c.6 0 1.1.3 1.4.8l7 12.8c.6 1.1-.2 2.4-1.4 2.4H3c-1.2 0-2-1.3-1.4-2.4l7-12.8c.3-.5.8-.8 1.4-.8z", "#f2b01e"), mark("M10 7.2v4.2M10 14.4h.01", "#3a2a00")],
  "⛔": [disc("#d9304f"), mark("M6 10h8")],
  "🚫": [disc("#d9304f"), mark("M5.4 5.4l9.2 9.2")],
  "🛑": [shape("M6.6 2h6.8L18 6.6v6.8L13.4 18H6.6L2 13.4V6.6z", "#d9304f"), mark("M6.5 10h7")],
  "🔴": [disc("#d9304f")],
  "🟠": [disc("#e8862b")],
  "🟡": [disc("#f0c02e")],
  "🟢": [disc("#1f9d63")],
  "🔵": [disc("#3b78d8")],
  "⚪": [["circle", { cx: 10, cy: 10, r: 7.4, fill: "#f4f5f7", stroke: "#9aa0ab", "stroke-width": 1.2 }]],
  "⏳": [shape(GLASS, "#c9d6ea"), shape("M7 5.4h6c-.6 1.6-3 2.2-3 4 0-1.8-2.4-2.4-3-4zM6.4 16.6c.4-1.7 3.6-2 3.6-3.4 0 1.4 3.2 1.7 3.6 3.4z", "#d39b2e"), mark("M4.4 2h11.2M4.4 18h11.2", "#8a6a3a")],
  "⌛": [shape(GLASS, "#c9d6ea"), shape("M6 16.6c0-2.4 4-2.6 4-4.4 0 1.8 4 2 4 4.4z", "#d39b2e"), mark("M4.4 2h11.2M4.4 18h11.2", "#8a6a3a")],
  "⏸": [tile("#5b6472"), mark("M7.6 6.6v6.8M12.4 6.6v6.8")],
  "▶": [tile("#5b6472"), shape("M7.4 5.8l7 4.2-7 4.2z", "#fff")],
  "ℹ": [tile("#3b78d8"), mark("M10 9.4v4.4M10 6.2h.01")],
  "📈": [tile("#e9edf4"), mark("M4.8 14l3.6-4 2.6 2.2L15.4 6", "#d9304f")],
  "📉": [tile("#e9edf4"), mark("M4.8 6l3.6 4 2.6-2.2 4.4 6.2", "#3b78d8")],
  "📊": [tile("#e9edf4"), shape("M5 9h2.4v6H5z", "#1f9d63"), shape("M8.8 5h2.4v10H8.8z", "#d9304f"), shape("M12.6 7.4H15V15h-2.4z", "#3b78d8")],
  "🚀": [shape("M17.6 2.4c-4.8-.2-8.2 2.2-10 6l-.4 3 1.4 1.4 3-.4c3.8-1.8 6.2-5.2 6-10z", "#a9b6cb"), shape("M7.6 8.2 4 8.6 2.4 11l4.8.4zM11.8 12.4l-.4 3.6-2.4 1.6-.4-4.8z", "#d9304f"), shape("M6.4 12.2c-2.2.4-3 2.4-3.4 4.8 2.4-.4 4.4-1.2 4.8-3.4z", "#f0a52e"), ["circle", { cx: 12.8, cy: 7.2, r: 1.7, fill: "#2f4f86" }]],
  "🏁": [mark("M4 2.6v15", "#7d838f"), shape("M5 3.4h11.4l-2 4 2 4H5z", "#e9edf4"), shape("M5 3.4h3.6v4H5zM12 3.4h4.4l-2 4H12zM8.6 7.4H12v4H8.6z", "#2b2f36")],
  "🔔": [shape("M10 2.2c3.2 0 5 2.4 5 5.4 0 3.4.8 4.6 2 6.2H3c1.2-1.6 2-2.8 2-6.2 0-3 1.8-5.4 5-5.4z", "#f0b52e"), ["circle", { cx: 10, cy: 15.8, r: 1.9, fill: "#b57d12" }]],
  "🔒": [mark("M6.6 9V6.4a3.4 3.4 0 0 1 6.8 0V9", "#7d838f"), ["rect", { x: 4, y: 8.6, width: 12, height: 9, rx: 2, fill: "#f0b52e" }]],
  "🏆": [mark("M5.4 4.4H3c0 3 1 4.6 3.4 5M14.6 4.4H17c0 3-1 4.6-3.4 5", "#d39b2e"), shape("M5.2 2.4h9.6v4.8c0 3-2 5-4.8 5s-4.8-2-4.8-5z", "#f0b52e"), shape("M9 11.6h2v3h3v3H6v-3h3z", "#d39b2e")],
});

/** Finds drawn emoji in a text; one may be followed by the selector that asks for its coloured form. */
export const DRAWN_PATTERN = new RegExp(`(?:${Object.keys(DRAWN).join("|")})\\uFE0F?`, "gu");

/** @param {string} character @param {string} name what a screen reader says @returns {HTMLElement} */
export function drawnEmoji(character, name) {
  const strokes = DRAWN[character.replace("\uFE0F", "")];
  if (!strokes) return h("span", { class: "emoji", role: "img", "aria-label": name }, character);
  const root = svgElement("svg", { viewBox: "0 0 20 20" }, ...strokes.map(([tag, attributes]) => svgElement(tag, attributes)));
  return h("span", { class: "emoji drawn", role: "img", "aria-label": name }, root);
}
