// One item's scores at a glance: a line from the lowest possible score to the highest, a dot for each run, a bar at the mean.

const STRIP = { width: 84, row: 14, inset: 4 };

function strip(item) {
  const { arms, means } = FIGURES[item.index];
  const rows = arms
    .map((_, arm) => arm)
    .filter(isChosenArm)
    .slice(0, 4);
  const height = rows.length * STRIP.row;
  const at = (value) => STRIP.inset + ((value - AXIS[0]) / (AXIS[1] - AXIS[0])) * (STRIP.width - 2 * STRIP.inset);
  const words = rows
    .map((arm) => `${ARMS[arm]}: mean ${score(means[arm])} of ${many(arms[arm].length, "run")}`)
    .join("; ");
  return draw(
    "svg",
    { class: "strip", viewBox: `0 0 ${STRIP.width} ${height}`, height, role: "img", "aria-label": words },
    draw("title", null, words),
    rows.map((arm, row) => stripRow(arms[arm], means[arm], at, (row + 0.5) * STRIP.row)),
  );
}

function stripRow(values, middle, at, y) {
  return [
    draw("line", { class: "axis", x1: STRIP.inset, x2: STRIP.width - STRIP.inset, y1: y, y2: y }),
    values.map((value) => draw("circle", { class: "run", cx: at(value), cy: y, r: 3.2 })),
    middle !== null && draw("line", { class: "mean", x1: at(middle), x2: at(middle), y1: y - 5, y2: y + 5 }),
  ];
}
