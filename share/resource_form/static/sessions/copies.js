// Several sessions like one: how many, and then what became of each.

import { element, show, write } from "../common/dom.js";
import { filled } from "../common/format.js";
import { openDialog } from "./dialog.js";
import { calledBy } from "./model.js";

/** @import { Feed } from "./feed.js" */
/** @import { Hub } from "./hub.js" */
/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

const MOST = 20;

/**
 * Says why a copy was not started: in our words where JupyterHub counts named servers.
 * @param {string} why
 * @param {number} limit 0 is none
 * @param {number} named servers that are known
 * @param {Record<string, string>} texts
 */
export function refusalInWords(why, limit, named, texts) {
  if (!limit || !/maximum of \d+ named servers/.test(why)) return why;
  return filled(texts.limit_words, { number: Math.max(named, limit), most: limit });
}

/**
 * @param {Page} page
 * @param {Hub} hub
 * @param {Pick<Feed, "lookIfClosed">} feed
 */
export function makeCopies(page, hub, feed) {
  const { texts, me, limit } = page;

  /**
   * @param {HTMLElement} list
   * @param {string} words
   * @returns {(later: string) => void} what writes other words in their place
   */
  function report(list, words) {
    const line = element("li", { text: words });
    list.append(line);
    return (later) => write(line, later);
  }

  /**
   * @param {{ server: string, name: string }} given
   * @param {Record<string, any>} request
   * @param {HTMLElement} list
   */
  async function startCopy(given, request, list) {
    const say = report(list, filled(texts.copy_asked, given));
    try {
      await hub.start(me, given.server, { ...request, name: given.name });
      say(filled(texts.copy_started, given));
      return true;
    } catch (error) {
      const named = [...page.servers.keys()].filter(Boolean).length;
      const why = refusalInWords(/** @type {Error} */ (error).message, limit, named, texts);
      say(filled(texts.copy_refused, { name: given.name, why }));
      return false;
    }
  }

  /**
   * @param {Session} session
   * @param {number} count
   * @param {HTMLElement} list
   * @param {HTMLElement} sum
   */
  async function startCopies(session, count, list, sum) {
    list.replaceChildren();
    show(sum, "");
    const { profile: _line, ...request } = session.request;
    let names;
    try {
      names = await hub.newNames(calledBy(session), count);
    } catch (error) {
      report(list, /** @type {Error} */ (error).message);
      return;
    }
    const started = await Promise.all(names.map((given) => startCopy(given, request, list)));
    show(sum, filled(texts.copies_done, { started: started.filter(Boolean).length, all: names.length }));
    feed.lookIfClosed();
  }

  /**
   * Asks how many, and starts them.
   * @param {Session} session
   * @param {() => HTMLElement | null} back what has the focus afterwards
   */
  return (session, back) => {
    const count = element("input", { type: "number", class: "form-control", min: 1, max: MOST, value: 2, required: true });
    const list = element("ol", { class: "sessions-results" });
    const sum = element("p", { class: "sessions-results-sum", role: "status", hidden: true });
    const go = element("button", { type: "submit", class: "btn btn-jupyter sessions-go", text: texts.start_copies });
    const close = element("button", { type: "button", class: "btn btn-outline-secondary", text: texts.close });
    const label = element("label", {}, `${texts.copies} `, count);
    const form = element("form", { class: "sessions-copies" }, label, element("div", { class: "sessions-dialog-actions" }, close, go));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.getAttribute("aria-disabled")) return;
      go.setAttribute("aria-disabled", "true");
      await startCopies(session, Number(count.value), list, sum);
      go.removeAttribute("aria-disabled");
    });
    const title = filled(texts.several_of, { name: session.display_name });
    const dialog = openDialog(page.root, { title, back }, [form, list, sum]);
    close.addEventListener("click", () => dialog.close());
    count.select();
  };
}

/** @typedef {ReturnType<typeof makeCopies>} Copies */
