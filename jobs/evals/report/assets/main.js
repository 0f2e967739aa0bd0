// Starts the page, turns from one view to the next, and listens to the keyboard.

const PANE = find(".pane");
const DIALOG = find("dialog.keys");
/** `item`: where the list stands; `view`: what a narrow page shows (list, item, overview); `texts`: raw answers too. */
const STATE = { item: null, view: "list", texts: false };

function paintPane() {
  document.body.dataset.view = STATE.view;
  find('[data-action="overview"]').setAttribute("aria-pressed", String(STATE.view === "overview"));
  PANE.replaceChildren(...(STATE.view === "item" ? itemPage(STATE.item) : [overview()]));
}

/** Change what is chosen, and show what it leaves. `view` turns a narrow page there. */
function change(changes, view) {
  const before = CHOICE.grader;
  Object.assign(CHOICE, changes);
  if (CHOICE.grader !== before) measure();
  choose();
  paintFilters();
  if (view) STATE.view = STATE.view === "item" && view === "list" ? "item" : view;
  LIST.scrollTop = 0;
  paintList();
  goTo(STATE.view);
}

function openItem(item) {
  const same = item === STATE.item && STATE.view === "item";
  STATE.item = item;
  goTo("item");
  if (!same) PANE.scrollTop = 0;
}

/** Open the item `by` places further down the list. */
function move(by) {
  const at = SHOWN.indexOf(STATE.item);
  const next = SHOWN[at < 0 ? 0 : Math.min(SHOWN.length - 1, Math.max(0, at + by))];
  if (next) openItem(next);
}

function goTo(view) {
  STATE.view = view;
  paintPane();
  reveal(STATE.item);
  paintList();
  remember();
}

const closeItem = () => goTo("list");

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    try {
      history.replaceState(null, "", `#${choiceAsHash(STATE.view === "item" ? STATE.item.id : null)}`);
    } catch {
      // some browsers forbid it for files: then the address just stays as it is
    }
  }, 200);
}

const THEMES = ["", "light", "dark"];

function paintTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const control = find('[data-action="theme"]');
  control.textContent = { light: "Light", dark: "Dark" }[theme] ?? "Auto";
  control.setAttribute("aria-label", `Colours: ${theme || "as the system says"}`);
}

function turnTheme() {
  const now = THEMES.indexOf(document.documentElement.dataset.theme);
  paintTheme(THEMES[(now + 1) % THEMES.length]);
}

// -- the keyboard -----------------------------------------------------------------------------------------------------

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

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || DIALOG.open) return;
  const act = event.target.matches?.("input, select, textarea") ? inField(event) : inPage(event);
  if (!act) return;
  event.preventDefault();
  act();
}

/** What a key does in a field; null leaves it to the browser. */
function inField({ target, key }) {
  if (target !== SEARCH) return key === "Escape" ? () => target.blur() : null;
  const leave = () => (SEARCH.value ? ((SEARCH.value = ""), change({ query: "" })) : SEARCH.blur());
  const open = () => (search(SEARCH.value), LIST.focus(), SHOWN.length && openItem(SHOWN[0]));
  return { Enter: open, Escape: leave, ArrowDown: () => (LIST.focus(), move(1)) }[key] ?? null;
}

/** What a key does elsewhere. */
function inPage({ target, key, shiftKey }) {
  const inList = target === LIST || target === document.body;
  const onButton = target.closest?.("button");
  const scroll = () => PANE.scrollBy({ top: (shiftKey ? -0.85 : 0.85) * PANE.clientHeight });
  const acts = {
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: inList && (() => move(1)),
    ArrowUp: inList && (() => move(-1)),
    " ": !onButton && scroll,
    "/": () => (goTo("list"), SEARCH.focus(), SEARCH.select()),
    Enter: !onButton && onEnter,
    Escape: closeItem,
    o: () => goTo("overview"),
    "?": () => DIALOG.showModal(),
  };
  return acts[key];
}

function onEnter() {
  if (STATE.view !== "item") return STATE.item ? openItem(STATE.item) : move(1);
  STATE.texts = !STATE.texts;
  paintPane();
}

// -- on paper: the overview, then the chosen items in their order, as many as one would still leaf through ------------

const MOST_ON_PAPER = 100;

function layOutPaper() {
  const some = SHOWN.slice(0, MOST_ON_PAPER);
  const words = `The first ${some.length} of ${whole(SHOWN.length)} chosen items follow; choose fewer to print others.`;
  const note = SHOWN.length > some.length && make("p", { class: "note" }, words);
  const pages = some.map((item) => make("section", itemPage(item, true)));
  find(".paper").replaceChildren(make("div", overview(), note), ...pages);
}

// -- the start --------------------------------------------------------------------------------------------------------

/** Show what the address says. */
function follow() {
  const id = choiceFromHash();
  measure();
  const item = ITEMS.find((each) => each.id === id);
  if (item) Object.assign(STATE, { item, view: "item" });
  change({});
}

fill(find(".name"), [
  make("span", EVAL.task),
  make("span", { class: "mono" }, EVAL.id),
  make("span", { class: "about" }, `${EVAL.split}, prompt ${EVAL.prompt}, ${ARMS.join(", ")}`),
]);
const keys = KEYS.map(([key, words]) => [make("dt", make("kbd", key)), make("dd", words)]);
fill(DIALOG, [make("h2", "Keys"), make("dl", keys)]).onclick = () => DIALOG.close();
buildFilters();
paintTheme("");
find('[data-action="overview"]').onclick = () => goTo(STATE.view === "overview" ? "list" : "overview");
find('[data-action="theme"]').onclick = turnTheme;
find('[data-action="keys"]').onclick = () => DIALOG.showModal();
LIST.addEventListener("scroll", listSoon, { passive: true });
addEventListener("resize", listSoon);
addEventListener("keydown", onKey);
addEventListener("hashchange", follow);
addEventListener("beforeprint", layOutPaper);
addEventListener("afterprint", () => find(".paper").replaceChildren());
follow();
