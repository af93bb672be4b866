// How long a session waits, and when it is to start.

import { about, filled } from "../common/format.js";
import { clock, moment } from "../common/moments.js";
import { stageOf, WAITING } from "./stages.js";

/** @import { Known, Texts } from "./stages.js" */

const ANY_MOMENT_SECONDS = 30;

/**
 * The seconds that it has waited; null where that is not known.
 * @param {Known} session
 * @param {number} now in milliseconds, by the Hub's clock
 * @param {number} elapsed in milliseconds, by the clock of `heard`
 */
export function secondsWaited(session, now, elapsed) {
  const submitted = moment(session.submitted);
  const until = moment(session.started);
  if (submitted) return Math.max(0, Math.floor(((until ? until.getTime() : now) - submitted.getTime()) / 1000));
  if (typeof session.seconds_waited !== "number") return null;
  const since = until ? 0 : Math.floor((elapsed - (session.heard ?? elapsed)) / 1000);
  return Math.max(0, session.seconds_waited + since);
}

/**
 * When it starts, as the largest words of the page, and in how long that is; without an estimate, where it stands.
 * @param {Known} session
 * @param {number} now in milliseconds, by the Hub's clock
 * @param {Texts} texts
 * @param {string} lang
 */
export function startInWords(session, now, texts, lang) {
  const stage = stageOf(session);
  if (!WAITING.includes(stage)) return { when: texts.starting, inAbout: "" };
  const estimate = moment(session.estimate);
  if (!estimate) return { when: stage === "queue" ? texts.in_line : texts.one_moment, inAbout: "" };
  const seconds = (estimate.getTime() - now) / 1000;
  if (seconds < ANY_MOMENT_SECONDS) return { when: texts.starts_any_moment, inAbout: "" };
  return {
    when: filled(texts.starts_about, { time: clock(estimate, texts) }),
    inAbout: filled(texts.in_about, { duration: about(seconds, lang) }),
  };
}

/**
 * How far the browser's clock is ahead of the Hub's, in milliseconds.
 * @param {number} before when the Hub was asked
 * @param {number} after when it had answered
 * @param {string | null} said the header Date of its answer
 */
export function aheadOf(before, after, said) {
  const theirs = Date.parse(said || "");
  // The header has whole seconds: half of one is the best guess.
  return Number.isNaN(theirs) ? 0 : (before + after) / 2 - theirs - 500;
}
