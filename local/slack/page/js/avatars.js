/** Avatars drawn from initials, in the account's colour. */
import { h } from "./dom.js";

/** Each dark enough for white initials (contrast of 4.5 and more). */
const COLOURS = ["#7b3f8c", "#1f6f8b", "#8a4b16", "#2f6b3a", "#9a2f4d", "#3d55a5", "#5a5f1d", "#6a4a3a"];

/** @param {User | undefined} user */
export function displayName(user) {
  return user?.name ?? "unknown";
}

/** @param {User | undefined} user @returns {string} */
function colourOf(user) {
  if (user?.color && /^#?[0-9a-f]{6}$/i.test(user.color)) return user.color.startsWith("#") ? user.color : `#${user.color}`;
  const sum = [...(user?.id ?? "")].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return COLOURS[sum % COLOURS.length];
}

/** @param {User | undefined} user @param {"medium" | "small" | "tiny"} [size] @returns {HTMLElement} */
export function avatar(user, size = "medium") {
  const name = displayName(user);
  const shape = user?.is_bot ? " bot" : "";
  return h("span", { class: `avatar ${size}${shape}`, style: { backgroundColor: colourOf(user) }, "aria-hidden": "true" }, name.slice(0, 1).toUpperCase());
}
