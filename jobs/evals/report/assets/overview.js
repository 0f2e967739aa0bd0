// What the eval came to, before any single item.

function overview() {
  const { state, note } = EVAL;
  const arms = ARMS.length > 1 ? `${ARMS.length} arms` : ARMS[0];
  const lead = `${many(EVAL.items, "item")} of ${EVAL.split}, ${many(EVAL.runs, "run")} each by ${arms}: ${whole(ANSWERS)} of ${whole(EVAL.total)} answers on file.`;
  return [
    make(
      "div",
      { class: "overview" },
      make("h2", null, `${EVAL.task}: ${EVAL.purpose === "variance" ? "variance study" : "eval"} ${EVAL.id}`),
      make("p", { class: "lead" }, lead),
      (state !== "finished" || note) &&
        make("p", { class: "note" }, make("strong", null, state), note ? [": ", said(note)] : ""),
      make("section", null, make("h3", null, "Results"), armTable()),
      failureSection(),
      HAS_SETS && labelSection(),
      make("section", null, make("h3", null, "What was asked"), facts()),
    ),
  ];
}

/** A table of rows; the first `words` columns hold words, the others numbers. */
function table(heads, words, rows) {
  const kind = (name, place) => (name === "" ? "bar" : place < words && "words");
  const head = make(
    "tr",
    null,
    heads.map((name, place) => make("th", { scope: "col", class: kind(name, place) }, name)),
  );
  return make(
    "div",
    { class: "scroll" },
    make("table", { class: "table" }, make("thead", null, head), make("tbody", null, rows)),
  );
}

function armTable() {
  const anySummary = EVAL.summaries.length > 0;
  const heads = [
    "Arm",
    ...GRADERS,
    ...(isNumber(EVAL.threshold) ? [`≥ ${EVAL.threshold}`] : []),
    "Failures",
    "Tokens out",
    "Latency",
  ];
  const said = anySummary
    ? "Mean over items of the mean over runs; ± is the spread of the runs, the brackets a 95% interval of the mean."
    : "So far: mean over items of the mean over runs.";
  return [
    make("p", null, said),
    table(
      heads,
      1,
      ARMS.map((_, arm) => armRow(arm)),
    ),
  ];
}

function armRow(arm) {
  const summary = EVAL.summaries.find((each) => each.arm === ARMS[arm]);
  const answers = ITEMS.flatMap((item) => item.answers.filter((answer) => answer.arm === arm));
  const failures = answers.filter((answer) => answer.failure !== null).length;
  return make(
    "tr",
    null,
    make(
      "td",
      { class: "words" },
      make(
        "button",
        { type: "button", class: "text", onclick: () => change({ arm: CHOICE.arm === arm ? -1 : arm }) },
        said(ARMS[arm]),
      ),
    ),
    GRADERS.map((grader, index) =>
      graderCell(
        summary?.graders.find((each) => each.grader === grader),
        arm,
        index,
      ),
    ),
    isNumber(EVAL.threshold) && make("td", null, share(summary?.pass_rate)),
    make("td", null, whole(failures)),
    make("td", null, whole(mean(answers.map((answer) => answer.tokens[1]).filter(isNumber)))),
    make("td", null, seconds(mean(answers.map((answer) => answer.latency).filter(isNumber)))),
  );
}

function graderCell(summary, arm, index) {
  if (!summary) {
    const means = ITEMS.map((item) =>
      mean(
        item.answers
          .filter((each) => each.arm === arm)
          .map((each) => each.scores[index])
          .filter(isNumber),
      ),
    );
    return make("td", null, make("strong", null, score(mean(means.filter(isNumber)), 3)));
  }
  const std = isNumber(summary.run_std) && ` ± ${score(summary.run_std, 3)}`;
  const interval =
    summary.interval && make("small", null, `[${score(summary.interval.low, 3)}, ${score(summary.interval.high, 3)}]`);
  return make("td", null, make("strong", null, score(summary.mean, 3)), std, interval);
}

function failureSection() {
  const counts = new Map();
  const count = (arm, reason) => counts.set(`${arm}\n${reason}`, (counts.get(`${arm}\n${reason}`) ?? 0) + 1);
  for (const item of ITEMS) {
    for (const answer of item.answers) {
      if (answer.failure !== null) count(ARMS[answer.arm], `no answer: ${answer.failure}`);
      for (const [grader, kind] of Object.entries(answer.errors ?? {}))
        count(ARMS[answer.arm], `${grader} failed: ${kind}`);
      if (answer.scores.some((value) => typeof value === "string"))
        count(ARMS[answer.arm], "a grader gave no finite number");
    }
  }
  if (!counts.size) return null;
  const rows = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([key, number]) =>
      make(
        "tr",
        null,
        make("td", { class: "words" }, said(key.split("\n")[1])),
        make("td", { class: "words" }, said(key.split("\n")[0])),
        make("td", null, whole(number)),
      ),
    );
  const only = make(
    "button",
    { type: "button", class: "text", onclick: () => change({ failures: true }, "list") },
    "Show the items",
  );
  return make(
    "section",
    null,
    make("h3", null, "Failures"),
    make("p", null, "Counted here and nowhere as a score of 0. ", only),
    table(["What", "Arm", "Answers"], 2, rows),
  );
}

/** How often each label was found, missed and added, over the answers of the chosen arms. */
function labelCounts() {
  const counts = new Map();
  const of = (label) => counts.get(label) ?? counts.set(label, { found: 0, missed: 0, added: 0 }).get(label);
  for (const item of ITEMS) {
    for (const answer of chosenAnswers(item)) {
      if (!canCount(item, answer)) continue;
      for (const label of item.labels) of(label)[named(answer).includes(label) ? "found" : "missed"] += 1;
      for (const label of added(item, answer)) of(label).added += 1;
    }
  }
  return [...counts].sort(([, a], [, b]) => b.missed + b.added - (a.missed + a.added));
}

const MOST_LABELS = 200;

function summaryOfLabels() {
  const rows = EVAL.summaries
    .filter((each) => each.micro)
    .map(({ arm, micro, macro }) =>
      make(
        "tr",
        null,
        said(arm, "", "td", { class: "words" }),
        [micro, macro].flatMap((each) => [each?.precision, each?.recall, each?.f1]).map((value) => make("td", null, score(value, 3))),
      ),
    );
  return rows.length > 0 && table(["Arm", "micro P", "R", "F1", "macro P", "R", "F1"], 1, rows);
}

function labelSection() {
  const counts = labelCounts();
  const most = counts.reduce((top, [, each]) => Math.max(top, each.found + each.missed + each.added), 1);
  const open = (label, kind, number) =>
    number
      ? make(
          "button",
          { type: "button", class: "text", title: "Show the items", onclick: () => change({ label, kind }, "list") },
          whole(number),
        )
      : "0";
  const bar = ({ found, missed, added }) => {
    const parts = [
      ["f", found],
      ["m", missed],
      ["a", added],
    ]
      .filter(([, number]) => number)
      .map(([kind, number]) => {
        const part = make("b", { class: kind });
        part.style.width = `${(100 * number) / most}%`;
        return part;
      });
    return make("td", { class: "bar" }, make("i", null, parts));
  };
  const rows = counts
    .slice(0, MOST_LABELS)
    .map(([label, each]) =>
      make(
        "tr",
        null,
        said(label, "", "td", { class: "words" }),
        bar(each),
        make("td", null, whole(each.found)),
        make("td", null, open(label, "missed", each.missed)),
        make("td", null, open(label, "added", each.added)),
        make("td", null, score(each.found / (each.found + each.added || NaN))),
        make("td", null, score(each.found / (each.found + each.missed || NaN))),
      ),
    );
  const more = counts.length > MOST_LABELS && make("p", null, `${MOST_LABELS} of ${whole(counts.length)} labels.`);
  return make(
    "section",
    null,
    make("h3", null, CHOICE.arm < 0 ? "Labels" : `Labels: ${ARMS[CHOICE.arm]}`),
    make("p", null, "Over all answers, the most mistaken first. A number opens its items."),
    summaryOfLabels(),
    table(["Label", "", "found", "missed", "added", "precision", "recall"], 1, rows),
    more,
  );
}

function facts() {
  const all = {
    Task: `${EVAL.task}, version ${EVAL.task_version}`,
    Split: EVAL.split,
    Prompt: `${EVAL.prompt}, hash ${EVAL.prompt_hash}`,
    Platform: EVAL.platform,
    Reward: EVAL.reward,
    Asked: moment(EVAL.created_at),
    Finished: moment(EVAL.finished_at),
  };
  return make(
    "dl",
    { class: "facts" },
    Object.entries(all).map(([name, value]) => [make("dt", null, name), said(value, "", "dd")]),
  );
}
