// Follows the log: asks for what is new, the more seldom the longer nothing is.

import { ask } from "../common/api.js";

/** @import { Answer } from "../common/api.js" */
/** @import { Page, Part } from "./page.js" */

const AT_ONCE_MS = 1;
const POLL_MS = 2000;
const QUIET_POLL_MS = 6000;
const QUIET_AFTER_MS = 60000;

/** @param {Page} page */
export function makeFollow(page) {
  const { known, texts, say, sayHowItStands } = page;
  let timer = 0;
  let changedAt = Date.now();
  let isAsking = false;
  let generation = 0; // of what is shown: an answer to a question of before is not shown any more

  /** @param {Record<string, string | number>} parameters */
  function askHub(parameters) {
    const url = new URL(page.url, window.location.href);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
    const { jhdata } = /** @type {{ jhdata?: { xsrf_token?: string } }} */ (window);
    return ask(url, { xsrf: jhdata?.xsrf_token });
  }

  /**
   * Shows what is new, and tells whether there is more already.
   * @param {Part} part
   */
  function take(part) {
    const anew = !page.isEmpty() && (part.inode !== known.inode || part.from !== page.last());
    if (part.size !== known.size) changedAt = Date.now();
    known.live = part.live;
    if (anew || page.isEmpty()) page.begin(part);
    else page.append(part);
    page.learn(part);
    sayHowItStands();
    if (anew) say(`${texts.began_anew} ${page.state.textContent}`);
    return part.to < part.size && !part.partial && part.text !== "";
  }

  /**
   * Shows an answer, and tells in how many milliseconds to ask again; 0 is never.
   * @param {Answer} answer
   */
  function hear({ ok, status, body }) {
    if (ok && !body.reason) {
      if (take(body)) return AT_ONCE_MS;
      if (!known.live) return 0;
      return Date.now() - changedAt > QUIET_AFTER_MS ? QUIET_POLL_MS : POLL_MS;
    }
    if (body.reason) {
      known.live = body.live;
      sayHowItStands();
      say(body.message, body.reason === "no_log_yet" ? "" : "trouble");
      return known.live ? QUIET_POLL_MS : 0;
    }
    if (status === 403 || status === 404) {
      say(texts.not_allowed, "trouble");
      return 0;
    }
    return isAway();
  }

  function isAway() {
    say(texts.no_answer, "trouble");
    return QUIET_POLL_MS;
  }

  async function follow() {
    window.clearTimeout(timer);
    if (isAsking || known.paused || known.elsewhere || document.hidden) return;
    const mine = generation;
    isAsking = true;
    const answer = await askHub(page.isEmpty() ? {} : { offset: page.last() }).catch(() => null);
    isAsking = false;
    if (mine !== generation) {
      if (!known.elsewhere && !known.paused) again(AT_ONCE_MS);
      return;
    }
    const next = answer ? hear(answer) : isAway();
    if (next) again(next);
  }

  /** @param {number} milliseconds */
  function again(milliseconds) {
    window.clearTimeout(timer);
    timer = window.setTimeout(follow, milliseconds);
  }

  function leave() {
    generation += 1;
    window.clearTimeout(timer);
  }

  /**
   * Asks for a part of the log, once.
   * @param {Record<string, string | number>} parameters
   * @param {(body: any) => void} use
   * @param {HTMLButtonElement} [button] that was pressed
   */
  async function fetchPiece(parameters, use, button) {
    if (button) button.disabled = true;
    const answer = await askHub(parameters).catch(() => null);
    if (answer?.ok) {
      use(answer.body);
      sayHowItStands();
    } else {
      say(answer?.body.message || texts.no_answer, "trouble");
    }
    if (button) button.disabled = false;
  }

  return { follow, leave, fetchPiece };
}

/** @typedef {ReturnType<typeof makeFollow>} Follow */
