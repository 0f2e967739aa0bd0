/** Emoji names that apps and people use here; a name that is not listed stays text, as in Slack. */
const EMOJI = /** @type {Record<string, string>} */ ({
  "+1": "👍", "-1": "👎", alarm_clock: "⏰", arrow_down: "⬇️", arrow_forward: "▶️", arrow_right: "➡️", arrow_up: "⬆️",
  arrows_counterclockwise: "🔄", ballot_box_with_check: "☑️", bar_chart: "📊", bell: "🔔", bookmark: "🔖", books: "📚", bulb: "💡",
  calendar: "📆", chart_with_downwards_trend: "📉", chart_with_upwards_trend: "📈", checkered_flag: "🏁", clipboard: "📋",
  clock1: "🕐", construction: "🚧", dart: "🎯", eyes: "👀", exclamation: "❗", fire: "🔥", floppy_disk: "💾", gear: "⚙️",
  green_circle: "🟢", large_blue_circle: "🔵", large_green_circle: "🟢", large_orange_circle: "🟠", large_red_circle: "🔴",
  large_yellow_circle: "🟡", heavy_check_mark: "✔️", heavy_minus_sign: "➖", heavy_multiplication_x: "✖️", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", information_source: "ℹ️", key: "🔑", label: "🏷️", link: "🔗", lock: "🔒", mag: "🔍", mailbox: "📫",
  memo: "📝", moneybag: "💰", mute: "🔇", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", package: "📦", page_facing_up: "📄",
  pause_button: "⏸️", pencil2: "✏️", pushpin: "📌", question: "❓", raised_hand: "✋", red_circle: "🔴", robot_face: "🤖",
  rocket: "🚀", rotating_light: "🚨", scales: "⚖️", shield: "🛡️", smile: "😄", snowflake: "❄️", sparkles: "✨", speech_balloon: "💬",
  star: "⭐", stopwatch: "⏱️", straight_ruler: "📏", tada: "🎉", test_tube: "🧪", thumbsdown: "👎", thumbsup: "👍", trophy: "🏆",
  unlock: "🔓", warning: "⚠️", wave: "👋", white_check_mark: "✅", white_circle: "⚪", wrench: "🔧", x: "❌", zap: "⚡",
});

/** @param {string} name @returns {string | undefined} */
export function emoji(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : undefined;
}

const NAMES = new Map(Object.entries(EMOJI).map(([name, character]) => [character.replace("\uFE0F", ""), name]));

/** The spoken name of a character. @param {string} character @returns {string} */
export function emojiName(character) {
  return (NAMES.get(character.replace("\uFE0F", "")) ?? "sign").replaceAll("_", " ");
}
