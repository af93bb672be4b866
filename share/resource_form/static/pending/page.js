// The page of a session that starts: its elements, and what the Hub has written into it.

import { places, show, write } from "../common/dom.js";

/** @import { Known } from "./stages.js" */

/** @typedef {"starting" | "switching" | "cancelling" | "cancelled" | "failed" | "ready"} Phase */

/** @param {HTMLElement} root */
export function readPage(root) {
  const { place } = places("pending-");
  const progress = places("progress-").place;
  const { texts, user, server, apiUrl, logUrl, progressUrl, switchUrl, xsrf, color } = root.dataset;
  let announced = "";

  /**
   * What can be missing stands in a row that is hidden then.
   * @param {string} name
   * @param {string} text
   */
  function fact(name, text) {
    const where = place(name);
    write(where, text);
    if (where.parentElement) where.parentElement.hidden = !text;
  }

  /** @param {string} words */
  function announce(words) {
    if (!words || words === announced) return;
    announced = words;
    place("announcement").textContent = words;
  }

  return {
    root,
    place,
    fact,
    lang: root.lang || "en",
    /** @type {Record<string, string>} */
    texts: JSON.parse(texts || "{}"),
    user: user || "",
    server: server || "",
    apiUrl: apiUrl || "",
    logUrl: logUrl || "",
    progressUrl: progressUrl || "",
    switchUrl: switchUrl || "",
    xsrf: xsrf || "",
    color: color || "",
    title: document.title,
    cancelButton: place("cancel", HTMLButtonElement),
    progressBar: progress("bar"),
    history: progress("log"),
    details: progress("details", HTMLDetailsElement),

    /** @type {Known} */
    session: {},
    /** @type {Phase} */
    phase: "starting",
    highest: 0,

    /**
     * @param {string} name
     * @param {string} text
     */
    line: (name, text) => show(place(name), text),

    /**
     * @param {string} words the largest of the page
     * @param {string} [more] beside them
     */
    headline(words, more = "") {
      write(place("headline"), words);
      write(place("in"), more);
    },

    /**
     * Says how it stands, to the eye and to a screen reader.
     * @param {string} tone
     * @param {string} sentence
     * @param {string} [more] for the screen reader
     */
    say(tone, sentence, more) {
      place("panel").dataset.tone = tone;
      if (sentence) write(place("sentence"), sentence);
      announce([sentence, more].filter(Boolean).join(" "));
    },
  };
}

/** @typedef {ReturnType<typeof readPage>} Page */
