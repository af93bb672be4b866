// The stages of a start, and what is said of a session that goes through them.

import { filled, units } from "../common/format.js";
import { clock, moment } from "../common/moments.js";

/**
 * A session as far as it is known: what the Hub says of it (DETAILS in spawner/session/status_json.py), and of the start's progress.
 * @typedef {object} Known
 * @property {string} [display_name]
 * @property {string} [color]
 * @property {string} [summary]
 * @property {string} [stage]
 * @property {number} [progress] of 100
 * @property {string} [sentence]
 * @property {string} [message]
 * @property {string | number | null} [job_id]
 * @property {string | null} [node]
 * @property {string | null} [submitted]
 * @property {string | null} [started]
 * @property {string | null} [estimate]
 * @property {string | null} [unknown_since]
 * @property {number | null} [seconds_waited]
 * @property {number} [heard] when that was heard, in milliseconds of the page's own clock
 * @property {boolean | null} [waiting_helps]
 * @property {string} [what_to_do]
 * @property {{ place: number, of: number } | null} [position]
 * @property {string} [held_text]
 * @property {{ per_hour: number, unit: string } | null} [cost]
 * @property {string[]} [log] the last lines
 * @property {Offer[]} [offers] what would start now instead
 */

/** @typedef {{ sentence: string, price: string, change: Record<string, string> }} Offer with the fields to change, as a form posts them */

/** @typedef {Record<string, string>} Texts */

export const STAGES = ["submitting", "queue", "node", "environment", "server", "connected"];
export const WAITING = ["submitting", "queue"];

/**
 * Tells the stage, by how far the start is where nothing else says it.
 * @param {Known} session
 */
export function stageOf(session) {
  if (session.stage && STAGES.includes(session.stage)) return session.stage;
  const progress = session.progress || 0;
  return STAGES[progress < 15 ? 0 : progress < 30 ? 1 : progress < 60 ? 2 : progress < 95 ? 4 : 5];
}

/** @param {Known} session */
export const waits = (session) => WAITING.includes(stageOf(session));

/** @param {Known} session */
export const runs = (session) => ["environment", "server", "connected"].includes(stageOf(session));

/**
 * @param {Known} session
 * @param {Texts} texts
 */
export function sentenceOf(session, texts) {
  const since = moment(session.unknown_since);
  if (since) return filled(texts.unknown, { time: clock(since, texts) });
  return session.sentence || session.message || "";
}

/**
 * Says what can be done: to wait, or, where waiting does not help, something else.
 * @param {Known} session
 * @param {Texts} texts
 */
export function adviceOf(session, texts) {
  if (session.unknown_since) return "";
  return [session.waiting_helps === false && texts.helps_not, session.what_to_do].filter(Boolean).join(" ");
}

/**
 * @param {Known} session
 * @param {Texts} texts
 * @param {string} lang
 */
export function placeInWords({ position }, texts, lang) {
  if (!position || !position.place) return "";
  const kind = new Intl.PluralRules(lang, { type: "ordinal" }).select(position.place);
  return filled(texts[`place_${kind}`] || texts.place_other, { place: position.place, all: position.of });
}

/**
 * @param {Known} session
 * @param {Texts} texts
 * @param {string} lang
 */
export function costInWords(session, texts, lang) {
  const { cost } = session;
  if (!cost || typeof cost.per_hour !== "number") return "";
  const values = { cost: units(cost.per_hour, lang), unit: cost.unit || "" };
  return filled(runs(session) ? texts.cost : texts.cost_later, values);
}
