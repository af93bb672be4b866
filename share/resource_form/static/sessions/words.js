// What is said of a session, in the user's language.

import { duration, filled, memory, number } from "../common/format.js";
import { clock, moment } from "../common/moments.js";
import { heldAmount, isOver, keyOf, placeOf, stateOf } from "./model.js";

/** @import { Session } from "./model.js" */

const HOUR_MS = 3600000;

/** @param {Session} session */
function sentenceOf(session) {
  return [session.sentence, ["waiting", "ended"].includes(session.state) ? session.what_to_do : ""].filter(Boolean).join(" ");
}

/**
 * @param {Record<string, string>} texts
 * @param {Record<string, string>} states
 * @param {string} lang
 */
export function makeWords(texts, states, lang) {
  /** @param {Session} session */
  function idle({ state, idle_gpus: notice }) {
    const since = state === "ended" ? null : moment(notice?.since);
    if (!since) return "";
    const stops = moment(notice?.stops_at);
    const then = stops ? filled(texts.idle_stops, { time: clock(stops, texts) }) : texts.idle_asks;
    return `${filled(texts.idle, { time: clock(since, texts) })} ${then}`;
  }

  /** @param {Session} session */
  function warnings(session) {
    const killed = isOver(session) ? "" : session.killed?.sentence;
    return [killed, session.setup?.sentence, session.start_folder?.sentence, idle(session)].filter(Boolean).join(" ");
  }

  /**
   * What it has cost so far.
   * @param {Session} session
   * @param {number} since when that was heard, in milliseconds; 0 is never
   */
  function used({ state, cost }, since, now = Date.now()) {
    if (!cost || typeof cost.used !== "number" || state === "waiting") return "";
    const hours = state === "running" && since ? (now - since) / HOUR_MS : 0;
    return filled(texts.units, { number: number(cost.used + cost.per_hour * hours, lang), unit: cost.unit || "" });
  }

  /**
   * What is in use of its cores and memory; `share` is null where nobody knows of how much.
   * @param {Session} session
   */
  function usage(session) {
    const { cores, memory_mb: megabytes } = session.usage || {};
    const all = heldAmount(session, "cores");
    const most = heldAmount(session, "memory");
    const facts = [];
    if (typeof cores === "number") {
      const value = filled(all ? texts.cores : texts.cores_only, { number: number(cores, lang), all });
      facts.push({ label: texts.busy_cores, value, share: all ? Math.min(1, cores / all) : null });
    }
    if (typeof megabytes === "number") {
      const now = memory(megabytes, lang);
      const value = most ? filled(texts.memory, { number: now, all: memory(most, lang) }) : now;
      facts.push({ label: texts.busy_memory, value, share: most ? Math.min(1, megabytes / most) : null });
    }
    return facts;
  }

  /** What one that is over used of what it had. @param {Session} session */
  const usedInAll = (session) => (isOver(session) && session.used?.sentence) || "";

  /**
   * What is left of a session's time.
   * @param {number} seconds
   */
  function left(seconds) {
    return seconds > 0 ? filled(texts.left, { duration: duration(seconds, lang) }) : texts.time_is_up;
  }

  /** @param {Session} session */
  function said(session) {
    const sentence = `${sentenceOf(session)} ${warnings(session)}`.trim();
    return filled(texts.said, { name: session.display_name, state: states[stateOf(session)], sentence });
  }

  return { sentence: sentenceOf, idle, warnings, used, usedInAll, usage, left, said };
}

/** @typedef {ReturnType<typeof makeWords>} Words */

/**
 * The sessions that stand otherwise than before, or are new and not over.
 * @param {Session[]} before
 * @param {Session[]} sessions
 * @param {(session: Session) => string} warnings
 */
export function changed(before, sessions, warnings) {
  const known = new Map(before.map((session) => [keyOf(session), session]));
  const places = new Map(before.filter((session) => !isOver(session)).map((session) => [placeOf(session), session]));
  return sessions.filter((session) => {
    const old = known.get(keyOf(session)) || places.get(placeOf(session));
    if (!old) return !isOver(session);
    return old.state !== session.state || old.sentence !== session.sentence || warnings(old) !== warnings(session);
  });
}
