// Sessions by the day of their end, as people speak of days.

import { moment } from "../common/moments.js";
import { latest } from "./model.js";

/** @import { Session } from "./model.js" */

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
