// The three lists as tabs, each with its number.

import { write } from "../common/dom.js";
import { isOver, placeOf } from "./model.js";

/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

/** @typedef {Record<string, number>} Numbers by the kinds of sessions */

/**
 * How many sessions each list has.
 * @param {Session[]} sessions all that there are
 * @returns {Numbers}
 */
export function numbersOf(sessions) {
  const numbers = /** @type {Numbers} */ ({ running: 0, finished: 0, others: 0 });
  for (const { kind } of sessions) if (kind) numbers[kind] += 1;
  return numbers;
}

/**
 * The numbers where only those that go on are known, and how each server's last one ended: what has just ended is one more there.
 * @param {Numbers} numbers as they were
 * @param {Session[]} before
 * @param {Session[]} sessions
 * @returns {Numbers}
 */
export function numbersAfter(numbers, before, sessions) {
  const live = new Set(before.filter((session) => !isOver(session)).map(placeOf));
  const ended = sessions.filter((session) => isOver(session) && live.has(placeOf(session)));
  const { finished, others } = numbersOf(ended);
  const running = sessions.filter((session) => !isOver(session)).length;
  return { running, finished: numbers.finished + finished, others: numbers.others + others };
}

/** @param {Page} page */
export function makeTabs({ root, isHome }) {
  const places = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-number]")]);
  let numbers = Object.fromEntries(places.map((place) => [place.dataset.number || "", Number(place.textContent)]));

  /**
   * @param {Session[]} before
   * @param {Session[]} sessions
   */
  function take(before, sessions) {
    numbers = isHome ? numbersAfter(numbers, before, sessions) : numbersOf(sessions);
    for (const place of places) write(place, String(numbers[place.dataset.number || ""]));
  }

  return { take };
}
