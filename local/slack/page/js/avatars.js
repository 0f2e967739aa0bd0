/** Avatars drawn from initials, in the account's colour. */
import { h } from "./dom.js";

/** @param {User | undefined} user */
export function displayName(user) {
  return user?.name ?? "unknown";
}

/** @param {User | undefined} user @param {"medium" | "small" | "tiny"} [size] @returns {HTMLElement} */
export function avatar(user, size = "medium") {
  const initial = displayName(user).slice(0, 1).toUpperCase();
  return h("span", { class: `avatar ${size}${user?.is_bot ? " bot" : ""}`, style: { backgroundColor: user?.color ?? "#5a6172" }, "aria-hidden": "true" }, initial);
}
