// One item: what was asked, what was expected, what each arm answered.

function itemPage(item, onPaper = false) {
  return [
    itemTop(item),
    itemFigures(item),
    make("section", { class: "part" }, make("h3", "Input"), inputOf(item)),
    make("section", { class: "part" }, make("h3", "Reference"), referenceOf(item)),
    item.labels !== null && legend(),
    ...chosenArms().map((arm) => armPart(item, arm, onPaper)),
    !onPaper && Object.keys(EVAL.fingerprints).length > 0 && wrongGrade(item),
  ].filter(Boolean);
}

/** How to say in Slack that a grade is wrong: this page is a file, and writes nothing down. */
function wrongGrade(item) {
  const shown = item.answers.find((answer) => answer.text !== null && chosenArms().includes(answer.arm));
  if (!shown) return null;
  const model = ARMS.length > 1 ? ` model=${quoted(ARMS[shown.arm])}` : "";
  const grader = GRADERS.length > 1 ? ` grader=${quoted(GRADERS[CHOICE.grader])}` : "";
  const run = RUNS > 1 ? ` run=${shown.run}` : "";
  const command = `/eval review ${EVAL.id} item=${quoted(item.id)}${model}${grader}${run} says=wrong`;
  return make(
    "section",
    { class: "part" },
    make("h3", "Is a grade wrong?"),
    make("p", "Say so in Slack; it then stands next to the score in the thread, and in the report behind its link:"),
    make("pre", { class: "answer" }, command),
    make("p", { class: "muted" }, "Instead of wrong: right, or the score that you would give."),
  );
}

const quoted = (word) => (/^[\w.,:@/-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, "\\$&")}"`);

/** What people say of the grades of some answers, one line each; equal answers have it in common. */
function peopleOf(answers) {
  const runs = new Map();
  for (const { run, people } of answers)
    for (const [grader, reviews] of Object.entries(people ?? {}))
      for (const [who, words, why, day] of reviews) {
        const line = `${grader}: ${who} says ${words}${why && ` (${why})`}, ${day}`;
        runs.set(line, [...(runs.get(line) ?? []), run]);
      }
  const lines = [...runs].map(([line, of]) => `${of.length > 1 ? "Runs" : "Run"} ${runList(of)}, ${line}`);
  return lines.length > 0 && make("ul", { class: "people" }, lines.map((line) => make("li", line)));
}

function itemTop(item) {
  const place = SHOWN.indexOf(item);
  const words = place < 0 ? "not among the chosen" : `${whole(place + 1)} of ${whole(SHOWN.length)}`;
  const step = (by, name, sign) => button({ onclick: () => move(by), "aria-label": name, title: name }, sign);
  return make(
    "header",
    { class: "item-top" },
    button({ class: "back", onclick: closeItem }, "Items"),
    said(item.id, CHOICE.query, "h2"),
    make(
      "span",
      { class: "turn" },
      make("span", { class: "muted number" }, words),
      step(-1, "Previous item (k)", "↑"),
      step(1, "Next item (j)", "↓"),
    ),
  );
}

function itemFigures(item) {
  const answers = chosenAnswers(item);
  const troubles = answers.filter(hasTrouble).length;
  const figure = (name, value, more, chief) =>
    make("div", { class: chief && "chief" }, make("dt", name), make("dd", value, more && make("small", ` ${more}`)));
  const figures = GRADERS.map((grader, index) => {
    const values = answers.map((answer) => answer.scores[index]).filter(isNumber);
    const range = values.length > 1 && `${score(Math.min(...values))} to ${score(Math.max(...values))}`;
    return figure(grader, score(mean(values)), range, grader === EVAL.reward && GRADERS.length > 1);
  });
  const given = whole(answers.filter((answer) => answer.text !== null).length);
  const failed = troubles > 0 && many(troubles, "failure");
  return make("dl", { class: "figures number" }, figures, figure("answers", given, failed));
}

function inputOf(item) {
  if (item.input !== null) return long(item.input, CHOICE.query, "p", { class: "input" });
  return make("p", { class: "muted" }, "This item was answered, but is no longer in the split.");
}

function referenceOf(item) {
  if (item.labels?.length)
    return make("ul", { class: "labels" }, item.labels.map((label) => said(label, CHOICE.query, "li")));
  if (item.labels) return make("p", { class: "muted" }, "No label: the right answer is an empty set.");
  if (item.reference === null) return make("p", { class: "muted" }, "None.");
  const text = typeof item.reference === "string" ? item.reference : JSON.stringify(item.reference, null, 2);
  return long(text, CHOICE.query, "p", { class: "input" });
}

function armPart(item, arm, onPaper) {
  const answers = item.answers.filter((answer) => answer.arm === arm);
  const values = FIGURES[item.index].arms[arm];
  const failed = answers.filter(hasTrouble).length;
  const plusMinus = values.length > 1 ? ` ± ${score(spread(values))}` : "";
  const head = make(
    "header",
    said(ARMS[arm], "", "h3"),
    make("span", `${GRADERS[CHOICE.grader]} ${score(mean(values))}${plusMinus} over ${many(values.length, "run")}`),
    failed > 0 && make("span", { class: "bad" }, many(failed, "failure")),
  );
  const none = make("p", { class: "muted" }, "Not answered yet.");
  const shown = () => (item.labels === null ? cards(answers) : [matrix(item, answers), runTable(answers, onPaper)]);
  return make("section", { class: "arm" }, head, answers.length ? shown() : none, peopleOf(answers));
}

// -- run by run -------------------------------------------------------------------------------------------------------

function runTable(answers, onPaper) {
  const heads = ["Run", ...GRADERS, "Tokens in", "out", "reasoning", "Latency"];
  const head = make(
    "tr",
    heads.map((name) => make("th", { scope: "col" }, name)),
    make("th", { scope: "col", class: "left" }, "Finish"),
    make("th"),
  );
  const rows = answers.flatMap((answer) => {
    if (answer.text === null) return [runRow(answer, null)];
    const hidden = (!STATE.texts && answer.labels !== null) || onPaper;
    const words = make("td", { colspan: heads.length + 2 }, answerText(answer.text));
    const text = make("tr", { class: "text", hidden }, words);
    return [runRow(answer, text), text];
  });
  return table("runs", head, rows);
}

function runRow(answer, text) {
  const latency = make("td", seconds(answer.latency));
  const isMissing = answer.failure !== null && answer.text === null;
  const finish = make("td", { class: "left" }, answer.finish ?? (isMissing ? "" : DASH));
  if (isMissing) {
    const why = make("td", { class: "why bad", colspan: GRADERS.length + 3 }, "No answer: ", said(answer.failure));
    return make("tr", make("td", answer.run), why, latency, finish, make("td"));
  }
  const onclick = (event) => {
    text.hidden = !text.hidden;
    event.target.textContent = text.hidden ? "Show" : "Hide";
  };
  const toggle = { class: "text", onclick, "aria-label": `Answer of run ${answer.run}` };
  return make(
    "tr",
    make("td", answer.run),
    GRADERS.map((grader, index) => scoreCell(grader, answer.scores[index], answer)),
    answer.tokens.map((count) => make("td", whole(count))),
    latency,
    finish,
    make("td", text && button(toggle, text.hidden ? "Show" : "Hide")),
  );
}

function scoreCell(grader, value, { errors, ungradable }) {
  const bad = (words, title) => make("td", { class: "bad", title: `${title}: counted as no score` }, words);
  if (typeof value === "string") return bad(value, "not a finite number");
  if (value === null && errors?.[grader]) return bad(errors[grader], "the grader failed");
  if (ungradable?.[grader])
    return make("td", { class: "bad", title: `nothing to grade: ${ungradable[grader]}; scored as in training` }, score(value));
  return make("td", score(value));
}

function answerText(text) {
  return long(readable(text), CHOICE.query, "pre", { class: LOOKS_LIKE_JSON.test(text) ? "answer" : "answer prose" });
}

// -- answers that are texts: equal ones stand together ----------------------------------------------------------------

function cards(answers) {
  const groups = new Map();
  for (const answer of answers) {
    const key = answer.text === null ? `failure ${answer.failure}` : `text ${answer.text}`;
    groups.set(key, [...(groups.get(key) ?? []), answer]);
  }
  return [...groups.values()].map(card);
}

function card(group) {
  const [first] = group;
  const tokens = meanOf(group, (answer) => answer.tokens[1]);
  const figures = [
    ...GRADERS.map((grader, index) => `${grader} ${score(meanOf(group, (answer) => answer.scores[index]))}`),
    ...(tokens === null ? [] : [`${whole(tokens)} tokens out`]),
    seconds(meanOf(group, (answer) => answer.latency)),
    first.finish ?? "",
  ];
  const runs = `${group.length > 1 ? "Runs" : "Run"} ${runList(group.map((answer) => answer.run))}`;
  const head = make("header", make("strong", runs), figures.map((figure) => make("span", figure)));
  const failure = () => make("p", { class: "failure" }, "No answer: ", said(first.failure ?? "no reason given"));
  return make("section", { class: "card" }, head, first.text === null ? failure() : answerText(first.text));
}

// -- labels down, runs across: which labels each run found, missed and added ------------------------------------------

const GLYPHS = { f: "✓", m: "−", a: "+", n: "·" };
const MEANINGS = { f: "found", m: "missed", a: "added", n: "rightly not named" };

function matrix(item, answers) {
  const byRun = new Map(answers.map((answer) => [answer.run, answer]));
  const runs = Array.from({ length: RUNS }, (_, index) => index + 1);
  const labels = [...item.labels, ...overLabels(item, answers)];
  const empty = () =>
    make(
      "tr",
      make("th", { class: "over" }, "no label expected, none named"),
      runs.map((run) => cell(run, byRun.get(run), true, () => true)),
    );
  const head = make(
    "tr",
    make("th", make("span", { class: "unseen" }, "Label")),
    runs.map((run) => make("th", { scope: "col", title: `run ${run}` }, run)),
    make("th"),
  );
  const foot = make(
    "tr",
    make("th", GRADERS[CHOICE.grader]),
    runs.map((run) => make("td", tight(byRun.get(run)?.scores[CHOICE.grader]))),
    make("td"),
  );
  const rows = labels.map((label) => line(label, item.expected.has(label), runs, byRun));
  return table("matrix", head, rows.length ? rows : empty(), make("tfoot", foot));
}

/** Labels that some run named and the reference has not, the most frequent first. */
function overLabels(item, answers) {
  const counts = new Map();
  for (const label of answers.flatMap((answer) => added(item, answer))) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
}

function line(label, expected, runs, byRun) {
  const answered = [...byRun.values()].filter((answer) => answer.labels);
  const isNamed = (answer) => answer.labels.includes(label);
  const titled = { scope: "row", class: expected ? "" : "over", title: expected ? "expected" : "not expected" };
  return make(
    "tr",
    said(label, CHOICE.query, "th", titled),
    runs.map((run) => cell(run, byRun.get(run), expected, isNamed)),
    make("td", { class: "share" }, answered.length > 1 && `${answered.filter(isNamed).length} of ${answered.length}`),
  );
}

function cell(run, answer, expected, isNamed) {
  if (!answer) return make("td", { title: `run ${run}: not answered yet` });
  if (!answer.labels) {
    const why = answer.failure === null ? "the answer is not a set of labels" : `no answer: ${answer.failure}`;
    return make("td", { class: "x", title: `run ${run}: ${why}` }, "×");
  }
  const kind = expected ? (isNamed(answer) ? "f" : "m") : isNamed(answer) ? "a" : "n";
  return make("td", { class: kind, title: `run ${run}: ${MEANINGS[kind]}` }, GLYPHS[kind]);
}

function legend() {
  const marks = ["f", "m", "a"].map((kind) => make("span", make("b", { class: kind }, GLYPHS[kind]), MEANINGS[kind]));
  return make("p", { class: "legend" }, marks, make("span", make("b", "×"), "no labels to read"));
}
