// What happened so far.

import { element, parsed } from "../common/dom.js";
import { clock, moment } from "../common/moments.js";

/** @import { Known } from "./stages.js" */

/**
 * A message of the Hub's stream.
 * @typedef {Known & {
 *   at?: string, time?: string, html_message?: string, failed?: boolean, ready?: boolean,
 * }} Message
 */

const MOST = 200;

/**
 * The words of a message; those in HTML only where there are no others, and read as text.
 * @param {Message} message
 */
export function plain(message) {
  return message.message ? String(message.message) : textOf(message.html_message);
}

/** @param {string | undefined} html */
export function textOf(html) {
  return html ? (parsed(html).textContent || "").trim() : "";
}

/**
 * @param {HTMLElement} list
 * @param {Record<string, string>} texts
 */
export function makeHistory(list, texts) {
  let latest = "";

  /** @param {Date} when */
  function time(when) {
    return element("time", { datetime: when.toISOString(), text: clock(when, texts, new Date(), true) });
  }

  /**
   * @param {Message} message
   * @param {string} words
   */
  function remember(message, words) {
    if (!words || words === latest) return;
    latest = words;
    const when = moment(message.at || message.time);
    list.append(element("li", {}, when && time(when), element("span", { text: words })));
    while (list.children.length > MOST) list.firstElementChild?.remove();
  }

  function clear() {
    latest = "";
    list.replaceChildren();
  }

  return { remember, clear };
}

/** @typedef {ReturnType<typeof makeHistory>} History */
