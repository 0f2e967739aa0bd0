// Starts the page and turns from one view to the next.

const PANE = find(".pane");
/** `item` is the one the list stands on; `view` what the narrow page shows: list, item or overview; `texts`: raw answers too. */
const STATE = { item: null, view: "list", texts: false };

function paintPane() {
  document.body.dataset.view = STATE.view;
  find('[data-action="overview"]').setAttribute("aria-pressed", String(STATE.view === "overview"));
  const page = STATE.view === "item" ? itemPage(STATE.item) : overview();
  PANE.replaceChildren(...page);
}

/** Change what is chosen, and show what it leaves. `view` turns a narrow page there. */
function change(changes, view) {
  const before = CHOICE.grader;
  Object.assign(CHOICE, changes);
  if (CHOICE.grader !== before) measure();
  choose();
  paintControls();
  if (view) STATE.view = STATE.view === "item" && view === "list" ? "item" : view;
  LIST.scrollTop = 0;
  paintList();
  reveal(STATE.item);
  paintPane();
  remember();
}

function openItem(item) {
  const same = item === STATE.item && STATE.view === "item";
  STATE.item = item;
  STATE.view = "item";
  reveal(item);
  paintList();
  paintPane();
  if (!same) PANE.scrollTop = 0;
  remember();
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
  paintList();
  reveal(STATE.item);
  remember();
}

const closeItem = () => goTo("list");

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const words = choiceAsHash(STATE.view === "item" ? STATE.item.id : null);
    try {
      history.replaceState(null, "", words ? `#${words}` : "#");
    } catch {
      // some browsers forbid it for files: then the address just stays as it is
    }
  }, 200);
}

const THEMES = { "": "Auto", light: "Light", dark: "Dark" };

function paintTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const button = find('[data-action="theme"]');
  button.textContent = THEMES[theme];
  button.setAttribute("aria-label", `Colours: ${theme || "as the system says"}`);
}

function turnTheme() {
  const names = Object.keys(THEMES);
  paintTheme(names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length]);
}

function start() {
  find(".name").append(
    make("span", null, EVAL.task),
    make("span", { class: "mono" }, EVAL.id),
    make("span", { class: "about" }, `${EVAL.split}, prompt ${EVAL.prompt}, ${ARMS.join(", ")}`),
  );
  buildControls();
  paintTheme("");
  find('[data-action="overview"]').onclick = () => goTo(STATE.view === "overview" ? "list" : "overview");
  find('[data-action="theme"]').onclick = turnTheme;
  find('[data-action="keys"]').onclick = () => DIALOG.showModal();
  LIST.addEventListener("scroll", listSoon, { passive: true });
  addEventListener("resize", listSoon);
  addEventListener("keydown", onKey);
  addEventListener("hashchange", follow);
  follow();
}

/** Show what the address says. */
function follow() {
  const id = choiceFromHash();
  measure();
  const item = ITEMS.find((each) => each.id === id);
  if (item) Object.assign(STATE, { item, view: "item" });
  change({});
}

start();
