// The keyboard.

const KEYS = [
  ["j  ↓", "next item"],
  ["k  ↑", "previous item"],
  ["Enter", "open the item; again: show and hide the answers as they were given"],
  ["Space", "scroll the item"],
  ["/", "search"],
  ["Esc", "back: out of the search, out of the item"],
  ["o", "overview"],
  ["?", "these keys"],
];

const DIALOG = find("dialog.keys");
DIALOG.append(
  make("h2", null, "Keys"),
  make(
    "dl",
    null,
    KEYS.map(([key, words]) => [make("dt", null, make("kbd", null, key)), make("dd", null, words)]),
  ),
);
DIALOG.onclick = () => DIALOG.close();

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || DIALOG.open) return;
  const typing = event.target.matches?.("input, select, textarea");
  const act = typing ? inField(event) : inPage(event);
  if (!act) return;
  event.preventDefault();
  act();
}

function inField(event) {
  if (event.target !== SEARCH) return event.key === "Escape" ? () => event.target.blur() : null;
  if (event.key === "Enter")
    return () => (change({ query: folded(SEARCH.value.trim()) }), LIST.focus(), SHOWN.length && openItem(SHOWN[0]));
  if (event.key === "Escape")
    return SEARCH.value ? () => ((SEARCH.value = ""), change({ query: "" })) : () => SEARCH.blur();
  if (event.key === "ArrowDown") return () => (LIST.focus(), move(1));
  return null;
}

function inPage(event) {
  const inList = event.target === LIST || event.target === document.body;
  switch (event.key) {
    case "j":
      return () => move(1);
    case "k":
      return () => move(-1);
    case "ArrowDown":
      return inList ? () => move(1) : null;
    case "ArrowUp":
      return inList ? () => move(-1) : null;
    case " ":
      return event.target.closest?.("button") ? null : () => scrollPane(event.shiftKey ? -1 : 1);
    case "/":
      return () => (goTo("list"), SEARCH.focus(), SEARCH.select());
    case "Enter":
      return event.target.closest?.("button") ? null : onEnter;
    case "Escape":
      return closeItem;
    case "o":
      return () => goTo("overview");
    case "?":
      return () => DIALOG.showModal();
  }
  return null;
}

function onEnter() {
  if (STATE.view !== "item") return STATE.item ? openItem(STATE.item) : move(1);
  STATE.texts = !STATE.texts;
  paintPane();
}

const scrollPane = (screens) => PANE.scrollBy({ top: screens * 0.85 * PANE.clientHeight });
