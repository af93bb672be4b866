// The columns of the table of everybody's sessions: what stands in them, by what they are sorted and filtered.

import { moment } from "../common/moments.js";
import { isOver, latest, releaseOf, stateOf } from "./model.js";
import { ranFor } from "./rows.js";

/** @import { Session } from "./model.js" */

/** What a select chooses among, by the names of its filters. */
export const CHOICES = /** @type {Record<string, (session: Session) => string>} */ ({
  account: ({ request }) => String(request.account || ""),
  partition: ({ request }) => String(request.partition || ""),
  release: releaseOf,
  state: stateOf,
});

/** @type {Record<string, (session: Session) => string | number>} */
const VALUES = {
  name: ({ display_name: name }) => name.toLowerCase(),
  user: ({ user }) => user,
  account: CHOICES.account,
  partition: CHOICES.partition,
  release: CHOICES.release,
  state: CHOICES.state,
  has: ({ held_text: held, summary }) => held || summary || "",
  since: (session) => moment(latest(session))?.getTime() ?? 0,
  time: (session) => (isOver(session) ? (ranFor(session) ?? -1) : (moment(session.ends)?.getTime() ?? Infinity)),
};

/**
 * Orders sessions by a column; what is equal there stays as it was.
 * @param {Session[]} sessions
 * @param {string} column
 * @param {boolean} isDown
 */
export function sorted(sessions, column, isDown) {
  const value = VALUES[column];
  return [...sessions].sort((one, other) => (isDown ? -1 : 1) * compare(value(one), value(other)));
}

/**
 * @param {string | number} one
 * @param {string | number} other
 */
function compare(one, other) {
  if (typeof one === "string") return one.localeCompare(String(other), undefined, { numeric: true });
  return one === other ? 0 : one < Number(other) ? -1 : 1;
}

/**
 * Tells whether a session is among those that were chosen; "" chooses all.
 * @param {Session} session
 * @param {Record<string, string>} chosen
 */
export const isChosen = (session, chosen) => Object.entries(chosen).every(([name, value]) => !value || CHOICES[name](session) === value);

/**
 * What there is to choose among, in its order.
 * @param {Session[]} sessions
 * @param {string} name of the filter
 */
export const choicesOf = (sessions, name) =>
  [...new Set(sessions.map(CHOICES[name]))].filter(Boolean).sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
