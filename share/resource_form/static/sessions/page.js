// The cards of the home page, or the list of all sessions: its elements, what the Hub has written into it, and what is known.

import { element, places, show, write } from "../common/dom.js";
import { clock } from "../common/moments.js";
import { makeWords } from "./words.js";

/** @import { Reach, Session } from "./model.js" */

/** @typedef {{ name: string, display_name: string, spawn_url: string }} Server */

const SAY_MS = 100;

/** @param {HTMLElement} root */
export function readPage(root) {
  const { find, place } = places("sessions-");
  const { base, user, page, kind, all, may, xsrf, newApi, named, limit, default: defaultName, servers } = root.dataset;
  const { states, none, ...rest } = JSON.parse(root.dataset.texts || "{}");
  const lang = root.lang || "en";
  /** @type {Record<string, string>} */
  const texts = rest;
  const isHome = page === "home";
  /** @type {string[]} */
  let toSay = [];

  /**
   * What happens at the same moment is said together: a second text would silence the first.
   * @param {string[]} sentences
   */
  function announce(sentences) {
    const isFirst = !toSay.length;
    toSay.push(...sentences.filter(Boolean));
    if (!isFirst || !toSay.length) return;
    window.setTimeout(() => {
      write(place("announcement"), toSay.join(" "));
      toSay = [];
    }, SAY_MS);
  }

  return {
    ...{ root, find, place, texts, lang, isHome, announce },
    words: makeWords(texts, states, lang),
    /** @type {Record<string, string>} */
    states,
    /** @type {Record<string, string>} */
    none,
    base: base || "",
    me: user || "",
    xsrf: xsrf || "",
    kind: kind || "running",
    everybodys: all === "yes",
    /** @type {Record<string, Reach>} */
    reach: JSON.parse(may || "{}"),
    hasNewApi: Boolean(newApi),
    hasNamed: Boolean(named),
    limit: Number(limit || 0),
    defaultName: defaultName || "",

    /** @type {Session[]} */
    sessions: [],
    /** @type {Map<string, Server>} */
    servers: new Map(isHome ? JSON.parse(servers || "[]").map((/** @type {Server} */ server) => [server.name, server]) : []),
    heardAt: 0,
    clockAhead: 0, // of the browser's clock, in milliseconds

    /** @param {string} words */
    showNote: (words) => show(place("note"), words),
    /** @param {string} words */
    showError: (words) => show(place("error"), words),
    /** @param {Date} when */
    time: (when) => element("time", { datetime: when.toISOString(), text: clock(when, texts) }),
  };
}

/** @typedef {ReturnType<typeof readPage>} Page */
