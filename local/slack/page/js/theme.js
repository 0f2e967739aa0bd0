/** Light or dark: the system's choice until the person makes one; choosing what the system has follows it again. */

const KEY = "workspace.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** @returns {"light" | "dark"} */
export function theme() {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}

/** @param {() => void} onChange */
export function startTheme(onChange) {
  const apply = () => {
    document.documentElement.dataset.theme = theme();
    onChange();
  };
  system.addEventListener("change", apply);
  // Another tab of the same page may have switched.
  window.addEventListener("storage", (event) => event.key === KEY && apply());
  apply();
}

export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  if ((next === "dark") === system.matches) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  document.documentElement.dataset.theme = next;
}
