// Moments and days as the Hub writes them (spawner/humanize.py), in the user's time zone. Nothing here touches a page.

import { filled } from "./format.js";

/** @typedef {Record<string, string>} Texts with those of `moment_texts` in spawner/humanize.py */

/**
 * Reads a moment in ISO 8601; null where there is none.
 * @param {string | null | undefined} text
 */
export function moment(text) {
  const found = text ? new Date(text) : null;
  return found && !Number.isNaN(found.getTime()) ? found : null;
}

/** @param {number} value */
const twoDigits = (value) => String(value).padStart(2, "0");

/**
 * One of names with blanks between; Monday and January are 0.
 * @param {string} names
 * @param {number} index
 */
const oneOf = (names, index) => names.split(/\s+/)[index];

/** @param {Date} when */
const mondayFirst = (when) => (when.getDay() + 6) % 7;

/**
 * "14:00", where the day stands beside it or is today's.
 * @param {Date} when
 */
export function timeOfDay(when, withSeconds = false) {
  return [when.getHours(), when.getMinutes(), ...(withSeconds ? [when.getSeconds()] : [])].map(twoDigits).join(":");
}

/**
 * "14:00", on another day "14:00 on Sat 28 Nov", in another year with that.
 * @param {Date} when
 * @param {Texts} texts
 */
export function clock(when, texts, now = new Date(), withSeconds = false) {
  const time = timeOfDay(when, withSeconds);
  if (when.toDateString() === now.toDateString()) return time;
  const year = when.getFullYear();
  return filled(year === now.getFullYear() ? texts.moment_day : texts.moment_year, {
    time,
    weekday: oneOf(texts.moment_weekdays, mondayFirst(when)),
    day: when.getDate(),
    month: oneOf(texts.moment_months, when.getMonth()),
    year,
  });
}

/**
 * A day in words, as a heading: "Today", "Yesterday", "Thursday 26 November", with the year where it is another one.
 * @param {Date} day
 * @param {Texts} texts
 */
export function dayInWords(day, texts, now = new Date()) {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day.toDateString() === now.toDateString()) return texts.today;
  if (day.toDateString() === yesterday.toDateString()) return texts.yesterday;
  const words = filled(texts.day, {
    weekday: oneOf(texts.day_weekdays, mondayFirst(day)),
    day: day.getDate(),
    month: oneOf(texts.day_months, day.getMonth()),
  });
  const year = day.getFullYear();
  return words.charAt(0).toUpperCase() + words.slice(1) + (year === now.getFullYear() ? "" : ` ${year}`);
}
