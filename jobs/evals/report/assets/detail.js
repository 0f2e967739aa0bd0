// One item: what was asked, what was expected, what each arm answered.

function itemPage(item, onPaper = false) {
  return [
    itemTop(item),
    itemFigures(item),
    make("section", { class: "part" }, make("h3", null, "Input"), inputOf(item)),
    make("section", { class: "part" }, make("h3", null, "Reference"), referenceOf(item)),
    item.labels !== null && legend(),
    ARMS.map((_, arm) => arm)
      .filter(isChosenArm)
      .map((arm) => armPart(item, arm, onPaper)),
  ]
    .flat(Infinity)
    .filter(Boolean);
}

function itemTop(item) {
  const place = SHOWN.indexOf(item);
  const step = (by, name, sign) =>
    make("button", { type: "button", onclick: () => move(by), "aria-label": name, title: name }, sign);
  return make(
    "header",
    { class: "item-top" },
    make("button", { type: "button", class: "back", onclick: closeItem }, "Items"),
    said(item.id, CHOICE.query, "h2"),
    make(
      "span",
      { class: "turn" },
      make(
        "span",
        { class: "muted number" },
        place < 0 ? "not among the chosen" : `${whole(place + 1)} of ${whole(SHOWN.length)}`,
      ),
      step(-1, "Previous item (k)", "↑"),
      step(1, "Next item (j)", "↓"),
    ),
  );
}

function itemFigures(item) {
  const answers = chosenAnswers(item);
  const troubles = answers.filter(hasTrouble).length;
  const figure = (name, value, more, chief) =>
    make(
      "div",
      { class: chief && "chief" },
      make("dt", null, name),
      make("dd", null, value, more && make("small", null, ` ${more}`)),
    );
  return make(
    "dl",
    { class: "figures number" },
    GRADERS.map((grader, index) => {
      const values = answers.map((answer) => answer.scores[index]).filter(isNumber);
      const range = values.length > 1 ? `${score(Math.min(...values))} to ${score(Math.max(...values))}` : "";
      return figure(grader, score(mean(values)), range, grader === EVAL.reward && GRADERS.length > 1);
    }),
    figure(
      "answers",
      whole(answers.filter((answer) => answer.text !== null).length),
      troubles ? many(troubles, "failure") : "",
    ),
  );
}

function inputOf(item) {
  if (item.input === null)
    return make("p", { class: "muted" }, "This item was answered, but is no longer in the split.");
  return long(item.input, CHOICE.query, "p", { class: "input" });
}

function referenceOf(item) {
  if (item.labels?.length)
    return make(
      "ul",
      { class: "labels" },
      item.labels.map((label) => said(label, CHOICE.query, "li")),
    );
  if (item.labels) return make("p", { class: "muted" }, "No label: the right answer is an empty set.");
  if (item.reference === null) return make("p", { class: "muted" }, "None.");
  const text = typeof item.reference === "string" ? item.reference : JSON.stringify(item.reference, null, 2);
  return long(text, CHOICE.query, "p", { class: "input" });
}

function armPart(item, arm, onPaper) {
  const answers = item.answers.filter((answer) => answer.arm === arm);
  const values = FIGURES[item.index].arms[arm];
  const failed = answers.filter(hasTrouble).length;
  const head = make(
    "header",
    null,
    said(ARMS[arm], "", "h3"),
    make(
      "span",
      null,
      `${GRADERS[CHOICE.grader]} ${score(mean(values))}`,
      values.length > 1 && ` ± ${score(spread(values))}`,
      ` over ${many(values.length, "run")}`,
    ),
    failed > 0 && make("span", { class: "bad" }, many(failed, "failure")),
  );
  if (!answers.length)
    return make("section", { class: "arm" }, head, make("p", { class: "muted" }, "Not answered yet."));
  const body = item.labels === null ? cards(answers) : [matrix(item, answers), runTable(item, answers, onPaper)];
  return make("section", { class: "arm" }, head, body);
}
