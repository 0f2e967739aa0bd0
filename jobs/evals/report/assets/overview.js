// The result of the eval, before any single item.

function overview() {
  const { state, note } = EVAL;
  const arms = ARMS.length > 1 ? `${ARMS.length} arms` : ARMS[0];
  const asked = `${many(EVAL.items, "item")} of ${EVAL.split}, ${many(EVAL.runs, "run")} each by ${arms}`;
  return make(
    "div",
    { class: "overview" },
    make("h2", `${EVAL.task}: ${EVAL.purpose === "variance" ? "variance study" : "eval"} ${EVAL.id}`),
    EVAL.conclusion && make("p", { class: "verdict" }, make("strong", said(EVAL.conclusion.headline))),
    EVAL.job && make("p", { class: "verdict" }, `The verdict on these models stands in the thread of ${EVAL.job}.`),
    ...EVAL.caveats.map((caveat) => make("p", { class: "verdict" }, make("strong", said(caveat)))),
    make("p", { class: "lead" }, `${asked}: ${whole(ANSWERS.length)} of ${whole(EVAL.total)} answers on file.`),
    (state !== "finished" || note) && make("p", { class: "note" }, make("strong", state), note && [": ", said(note)]),
    section("Results", armTable()),
    EVAL.slices.length > 0 && section("Slices", sliceTable()),
    failureSection(),
    HAS_SETS && labelSection(),
    section("What was asked", facts()),
  );
}

/** A table of rows; the first `words` columns hold words, the others numbers. */
function figureTable(heads, words, rows) {
  const kind = (name, place) => (name === "" ? "bar" : place < words && "words");
  const head = heads.map((name, place) => make("th", { scope: "col", class: kind(name, place) }, name));
  return table("table", make("tr", head), rows);
}
const words = (...inside) => make("td", { class: "words" }, ...inside);
const link = (title, changes, view, ...inside) =>
  button({ class: "text", title, onclick: () => change(changes, view) }, ...inside);

function armTable() {
  const pass = isNumber(EVAL.threshold) ? [`≥ ${EVAL.threshold}`] : [];
  const heads = ["Arm", ...GRADERS.map(onScale), ...pass, "Failures", "Tokens out", "Latency"];
  const explained = EVAL.summaries.length
    ? "Mean over items of the mean over runs; ± is the spread of the runs, in brackets the 95% interval of the mean."
    : "So far: mean over items of the mean over runs.";
  const rows = ARMS.map((_, arm) => armRow(arm));
  return [make("p", explained), figureTable(heads, 1, rows), EVAL.agreements.map((line) => make("p", line))];
}

/** The name of a grader with the scale it grades on, where that is not 0 to 1. */
function onScale(grader) {
  const [low, high] = EVAL.ranges[grader] ?? [0, 1];
  return low === 0 && high === 1 ? grader : `${grader}, ${low} to ${high}`;
}

function armRow(arm) {
  const summary = EVAL.summaries.find((each) => each.arm === ARMS[arm]);
  const answers = ANSWERS.filter((answer) => answer.arm === arm);
  const summaryOf = (grader) => summary?.graders.find((each) => each.grader === grader);
  return make(
    "tr",
    words(link(null, { arm: CHOICE.arm === arm ? -1 : arm }, null, said(ARMS[arm]))),
    GRADERS.map((grader, index) => graderCell(summaryOf(grader), arm, index, EVAL.remarks[ARMS[arm]]?.[grader])),
    isNumber(EVAL.threshold) && make("td", share(summary?.pass_rate)),
    make("td", whole(answers.filter((answer) => answer.failure !== null).length)),
    make("td", whole(meanOf(answers, (answer) => answer.tokens[1]))),
    make("td", seconds(meanOf(answers, (answer) => answer.latency))),
  );
}

function graderCell(summary, arm, index, remark) {
  if (!summary) {
    const itemMean = (item) => meanOf(item.answers, (each) => (each.arm === arm ? each.scores[index] : null));
    return make("td", make("strong", score(meanOf(ITEMS, itemMean), 3)));
  }
  const { run_std: std, interval } = summary;
  return make(
    "td",
    make("strong", score(summary.mean, 3)),
    isNumber(std) && ` ± ${score(std, 3)}`,
    interval && make("small", `(${score(interval.low, 3)} to ${score(interval.high, 3)})`),
    remark && make("small", { class: "remark" }, remark),
  );
}

/** The mean reward of each arm over the items that share a value of a field. */
function sliceTable() {
  const rows = EVAL.slices.map(({ key, value, items, means }) =>
    make("tr", make("td", { class: "words slice" }, said(`${key}=${value}`)), make("td", whole(items)), ARMS.map((arm) => make("td", score(means[arm], 3)))),
  );
  return [make("p", `Mean ${EVAL.reward} over the items that share a value.`), figureTable(["Slice", "Items", ...ARMS], 1, rows)];
}

function failureSection() {
  const counts = new Map();
  const count = (arm, reason) => counts.set(`${arm}\n${reason}`, (counts.get(`${arm}\n${reason}`) ?? 0) + 1);
  for (const { arm, failure, errors, scores, ungradable } of ANSWERS) {
    for (const [grader, kind] of Object.entries(ungradable ?? {}))
      count(ARMS[arm], `${grader} found nothing to grade: ${kind}`);
    if (failure !== null) count(ARMS[arm], `no answer: ${failure}`);
    for (const [grader, kind] of Object.entries(errors ?? {})) count(ARMS[arm], `${grader} failed: ${kind}`);
    if (scores.some((value) => typeof value === "string")) count(ARMS[arm], "a grader gave no finite number");
  }
  if (!counts.size) return null;
  const rows = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([key, number]) => {
      const [arm, reason] = key.split("\n");
      return make("tr", words(said(reason)), words(said(arm)), make("td", whole(number)));
    });
  const only = link(null, { failures: true }, "list", "Show the items");
  const explained = make("p", "What broke has no score. Where a grader found nothing to grade, the answer scores what it would in training. ", only);
  return section("Failures", explained, figureTable(["What", "Arm", "Answers"], 2, rows));
}

/** How often each label was found, missed and added, over the answers of the chosen arms; the most mistaken first. */
function labelCounts() {
  const counts = new Map();
  const of = (label) => counts.get(label) ?? counts.set(label, { found: 0, missed: 0, added: 0 }).get(label);
  for (const item of ITEMS) {
    for (const answer of chosenAnswers(item).filter((each) => canCount(item, each))) {
      for (const label of item.labels) of(label)[named(answer).includes(label) ? "found" : "missed"] += 1;
      for (const label of added(item, answer)) of(label).added += 1;
    }
  }
  return [...counts].sort(([, a], [, b]) => b.missed + b.added - (a.missed + a.added));
}

const MOST_LABELS = 200;

function labelSection() {
  const counts = labelCounts();
  const longest = counts.reduce((top, [, each]) => Math.max(top, each.found + each.missed + each.added), 1);
  const rows = counts.slice(0, MOST_LABELS).map(([label, each]) => labelRow(label, each, longest));
  return section(
    CHOICE.arm < 0 ? "Labels" : `Labels: ${ARMS[CHOICE.arm]}`,
    make("p", "Over all answers, the most mistaken first. A number opens its items."),
    summaryOfLabels(),
    figureTable(["Label", "", "found", "missed", "added", "precision", "recall"], 1, rows),
    counts.length > MOST_LABELS && make("p", `${MOST_LABELS} of ${whole(counts.length)} labels.`),
  );
}

function labelRow(label, { found, missed, added }, longest) {
  const open = (kind, number) => (number ? link("Show the items", { label, kind }, "list", whole(number)) : "0");
  const bar = Object.entries({ f: found, m: missed, a: added })
    .filter(([, number]) => number)
    .map(([kind, number]) => make("b", { class: kind, style: { width: `${(100 * number) / longest}%` } }));
  return make(
    "tr",
    words(said(label)),
    make("td", { class: "bar" }, make("i", bar)),
    make("td", whole(found)),
    make("td", open("missed", missed)),
    make("td", open("added", added)),
    make("td", score(found / (found + added || NaN))),
    make("td", score(found / (found + missed || NaN))),
  );
}

function summaryOfLabels() {
  const figures = (each) => [each?.precision, each?.recall, each?.f1].map((value) => make("td", score(value, 3)));
  const rows = EVAL.summaries
    .filter((each) => each.micro)
    .map(({ arm, micro, macro }) => make("tr", words(said(arm)), figures(micro), figures(macro)));
  return rows.length > 0 && figureTable(["Arm", "micro P", "R", "F1", "macro P", "R", "F1"], 1, rows);
}

function facts() {
  const all = {
    Task: `${EVAL.task}, version ${EVAL.task_version}`,
    Split: EVAL.split,
    Prompt: `${EVAL.prompt}, hash ${EVAL.prompt_hash}`,
    Platform: EVAL.platform,
    Reward: EVAL.reward,
    Scoring: `version ${EVAL.scoring}`,
    Answers: { true: "held to a schema", false: "free text" }[EVAL.constrained] ?? "not known whether held to a schema",
    Asked: moment(EVAL.created_at),
    Finished: moment(EVAL.finished_at),
  };
  const pairs = Object.entries(all).map(([name, value]) => [make("dt", name), said(value, "", "dd")]);
  return make("dl", { class: "facts" }, pairs);
}
