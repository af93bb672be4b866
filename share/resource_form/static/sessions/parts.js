// What cards and rows have in common.

import { element } from "../common/dom.js";
import { filled } from "../common/format.js";
import { moment } from "../common/moments.js";
import { releaseOf, stateOf } from "./model.js";

/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

/** @typedef {[string, string | Node | null | undefined]} Fact */

/** @param {Fact[]} facts those without a value are left out */
export function rowsOf(facts) {
  return facts
    .filter(([, value]) => value)
    .map(([label, value]) => element("div", {}, element("dt", { text: label }), element("dd", {}, value)));
}

/**
 * @param {HTMLElement} place
 * @param {string | undefined} color
 */
export function paint(place, color) {
  if (color && /^#[0-9a-f]{6}$/i.test(color)) place.style.setProperty("--session-color", color);
  else place.style.removeProperty("--session-color");
}

/** @param {Page} page */
export function makeParts({ texts, states, words, time }) {
  /**
   * @param {string} state
   * @param {string} tone
   */
  const badge = (state, tone) => element("span", { class: "sessions-state", "data-tone": tone, text: states[state] });

  /** @param {string | null | undefined} text */
  function when(text) {
    const found = moment(text);
    return found ? time(found) : "";
  }

  /** @param {Session} session */
  const job = (session) => (session.job_id ? String(session.job_id) : "");

  /**
   * @param {Session} session
   * @returns {Fact[]}
   */
  function cardFacts(session) {
    const { position } = session;
    return [
      [texts.place, position ? filled(texts.place_of, { place: position.place, all: position.of }) : ""],
      [texts.estimate, session.state === "waiting" ? when(session.estimate) : ""],
      [session.started ? texts.started : texts.submitted, when(session.started || session.submitted)],
      [texts.ended, when(session.ended)],
      [texts.release, releaseOf(session)],
      [texts.job, job(session)],
      // Of one that went as it should nobody has to tell an administrator.
      [texts.reference, stateOf(session) === "failed" ? session.reference || "" : ""],
    ];
  }

  /**
   * What it has, or asks for, and where: said once.
   * @param {Session} session
   */
  const hasOf = ({ held_text: held, summary, node }) =>
    [...(held ? held.split(", ") : [summary || ""]), node || ""].filter(Boolean).join(" · ");

  /**
   * How much of its cores and memory is in use: a thin bar each, beside the words.
   * @param {Session} session
   */
  function usesOf(session) {
    return words.usage(session).map(({ label, value, share }) => {
      const bar = share === null ? null : element("progress", { class: "sessions-use-bar", max: 1, value: share, "aria-hidden": "true" });
      return element("div", { class: "sessions-use" }, element("span", { text: label }), bar, element("span", { text: value }));
    });
  }

  /**
   * Until when it lasts.
   * @param {Date} end
   * @returns {(string | Node)[]}
   */
  function until(end) {
    const [before, after = ""] = texts.until.split("{time}");
    return [before, time(end), after];
  }

  return { badge, cardFacts, hasOf, until, usesOf };
}

/** @typedef {ReturnType<typeof makeParts>} Parts */
