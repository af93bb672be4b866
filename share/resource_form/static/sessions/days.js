// Sessions by the day of their end, as people speak of days.

import { moment } from "../common/format.js";
import { latest } from "./model.js";

/** @import { Session } from "./model.js" */

/**
 * A day in words: "Today", "Yesterday", "Thursday 26 November", with the year where it is another one.
 * @param {Date} day
 * @param {string} lang
 * @param {Record<string, string>} texts
 */
export function dayInWords(day, lang, texts, now = new Date()) {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day.toDateString() === now.toDateString()) return texts.today;
  if (day.toDateString() === yesterday.toDateString()) return texts.yesterday;
  /** @type {Intl.DateTimeFormatOptions} */
  const parts = { weekday: "long", day: "numeric", month: "long" };
  if (day.getFullYear() !== now.getFullYear()) parts.year = "numeric";
  // English with the day before the month, as the page without JavaScript has it.
  const words = day.toLocaleDateString(lang === "en" ? "en-GB" : lang, parts).replaceAll(",", "");
  return words.charAt(0).toLocaleUpperCase(lang) + words.slice(1);
}

/**
 * Sessions in their order, in a group for each day; those of which nobody knows the day come under "".
 * @param {Session[]} sessions
 * @param {(day: Date) => string} inWords
 * @returns {Map<string, Session[]>}
 */
export function byDay(sessions, inWords) {
  /** @type {Map<string, Session[]>} */
  const days = new Map();
  for (const session of sessions) {
    const when = moment(latest(session));
    const words = when ? inWords(when) : "";
    days.set(words, [...(days.get(words) || []), session]);
  }
  return days;
}
