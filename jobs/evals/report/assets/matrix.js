// Labels down, runs across: which labels each run found, missed and added.

const GLYPHS = { f: "✓", m: "−", a: "+", n: "·" };
const MEANINGS = { f: "found", m: "missed", a: "added", n: "rightly not named" };

function matrix(item, answers) {
  const byRun = new Map(answers.map((answer) => [answer.run, answer]));
  const runs = Array.from({ length: RUNS }, (_, index) => index + 1);
  const over = overLabels(item, answers);
  const lines = [...item.labels.map((label) => [label, true]), ...over.map((label) => [label, false])];
  return make(
    "div",
    { class: "scroll" },
    make(
      "table",
      { class: "matrix" },
      make(
        "thead",
        null,
        make(
          "tr",
          null,
          make("th", null, make("span", { class: "unseen" }, "Label")),
          runs.map((run) => make("th", { scope: "col", title: `run ${run}` }, run)),
          make("th", null),
        ),
      ),
      make(
        "tbody",
        null,
        lines.length
          ? lines.map(([label, expected]) => line(label, expected, runs, byRun))
          : make(
              "tr",
              null,
              make("th", { class: "over" }, "no label expected, none named"),
              runs.map((run) => cell("", true, run, byRun.get(run), true)),
            ),
      ),
      make(
        "tfoot",
        null,
        make(
          "tr",
          null,
          make("th", null, GRADERS[CHOICE.grader]),
          runs.map((run) => make("td", null, tight(byRun.get(run)?.scores[CHOICE.grader]))),
          make("td", null),
        ),
      ),
    ),
  );
}

/** Labels that some run named and the reference has not, the most frequent first. */
function overLabels(item, answers) {
  const counts = new Map();
  for (const answer of answers)
    if (answer.labels) for (const label of added(item, answer)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
}

function line(label, expected, runs, byRun) {
  const answered = [...byRun.values()].filter((answer) => answer.labels);
  const named = answered.filter((answer) => answer.labels.includes(label)).length;
  return make(
    "tr",
    null,
    said(label, CHOICE.query, "th", {
      scope: "row",
      class: expected ? "" : "over",
      title: expected ? "expected" : "not expected",
    }),
    runs.map((run) => cell(label, expected, run, byRun.get(run), false)),
    make("td", { class: "share" }, answered.length > 1 && `${named} of ${answered.length}`),
  );
}

function cell(label, expected, run, answer, isEmptyItem) {
  if (!answer) return make("td", { title: `run ${run}: not answered yet` });
  if (!answer.labels) {
    const why = answer.failure === null ? "the answer is not a set of labels" : `no answer: ${answer.failure}`;
    return make("td", { class: "x", title: `run ${run}: ${why}` }, "×");
  }
  const named = isEmptyItem || answer.labels.includes(label);
  const kind = expected ? (named ? "f" : "m") : named ? "a" : "n";
  return make("td", { class: kind, title: `run ${run}: ${MEANINGS[kind]}` }, GLYPHS[kind]);
}

const legend = () =>
  make(
    "p",
    { class: "legend" },
    ["f", "m", "a"].map((kind) => make("span", null, make("b", { class: kind }, GLYPHS[kind]), MEANINGS[kind])),
    make("span", null, make("b", null, "×"), "no labels to read"),
  );
