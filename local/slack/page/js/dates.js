/** Turning Slack timestamps and seconds into the words people read. All in the reader's own time zone. */

const DAY = 86_400_000;

/** @param {string | number} ts @returns {Date} */
export function dateOf(ts) {
  return new Date(Number(ts) * 1000);
}

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
function format(date, options) {
  return new Intl.DateTimeFormat("en-GB", options).format(date);
}

/** "12:01" @param {string | number} ts */
export function clock(ts) {
  return format(dateOf(ts), { hour: "2-digit", minute: "2-digit" });
}

/** "22 November 2026 at 12:01:33" @param {string | number} ts */
export function fullTime(ts) {
  const date = dateOf(ts);
  return `${format(date, { dateStyle: "long" })} at ${format(date, { timeStyle: "medium" })}`;
}

/** A key that is equal for two moments of one day. @param {string | number} ts */
export function dayKey(ts) {
  return dateOf(ts).toDateString();
}

/** "Today", "Yesterday", "Friday, 20 November" @param {string | number} ts @param {Date} [now] */
export function dayName(ts, now = new Date()) {
  const date = dateOf(ts);
  if (date.toDateString() === now.toDateString()) return "Today";
  if (date.toDateString() === new Date(now.getTime() - DAY).toDateString()) return "Yesterday";
  const sameYear = date.getFullYear() === now.getFullYear();
  return format(date, { weekday: "long", day: "numeric", month: "long", ...(sameYear ? {} : { year: "numeric" }) });
}

/** "today at 12:01", "20 November at 12:01" @param {string | number} ts */
export function dayAndClock(ts) {
  const day = dayName(ts);
  return `${day === "Today" || day === "Yesterday" ? day.toLowerCase() : day} at ${clock(ts)}`;
}

const PARTS = /** @type {Record<string, (ts: number) => string>} */ ({
  date_num: (ts) => dateOf(ts).toISOString().slice(0, 10),
  date: (ts) => format(dateOf(ts), { dateStyle: "long" }),
  date_short: (ts) => format(dateOf(ts), { dateStyle: "medium" }),
  date_long: (ts) => format(dateOf(ts), { dateStyle: "full" }),
  date_pretty: (ts) => prettyOr(ts, "date"),
  date_short_pretty: (ts) => prettyOr(ts, "date_short"),
  date_long_pretty: (ts) => prettyOr(ts, "date_long"),
  time: (ts) => clock(ts),
  time_secs: (ts) => format(dateOf(ts), { timeStyle: "medium" }),
  ago: (ts) => ago(ts),
});

/** @param {number} ts @param {string} part */
function prettyOr(ts, part) {
  const name = dayName(ts);
  return name === "Today" || name === "Yesterday" ? name.toLowerCase() : PARTS[part](ts);
}

/** "3 minutes ago" @param {number} ts */
function ago(ts) {
  const seconds = Math.round(ts - Date.now() / 1000);
  const units = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([["day", 86400], ["hour", 3600], ["minute", 60]]);
  const words = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
  for (const [unit, size] of units) if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit);
  return words.format(seconds, "second");
}

/** Fills a Slack date pattern such as "{date_short} at {time}". Unknown parts stay as they are. @param {number} ts seconds @param {string} pattern */
export function datePattern(ts, pattern) {
  return pattern.replace(/\{(\w+)\}/g, (whole, part) => PARTS[part]?.(ts) ?? whole);
}
