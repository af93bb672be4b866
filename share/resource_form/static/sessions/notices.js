// What the user is told before a session ends: on the page, and by the browser where they have asked for it.

import { write } from "../common/dom.js";
import { duration, filled } from "../common/format.js";
import { isOver, keyOf } from "./model.js";

/** @import { Session } from "./model.js" */
/** @import { Page } from "./page.js" */

const NOTIFY = "resource-form-notify";
const WARNED = "resource-form-warned";

/** Tells whether the browser may tell the user, and shall. */
export function isNotified() {
  return "Notification" in window && Notification.permission === "granted" && window.localStorage.getItem(NOTIFY) === "yes";
}

/**
 * The last warning whose time has come, in minutes before the end; null for none.
 * @param {number[] | undefined} warnings
 * @param {number} seconds until the end
 */
export function warningDue(warnings, seconds) {
  const reached = (warnings || []).filter((minutes) => seconds <= minutes * 60);
  return reached.length ? Math.min(...reached) : null;
}

/**
 * What was told of these sessions, of all that was: of others nobody will be told again.
 * @param {Record<string, unknown>} told by keys of sessions, and by such a key with a part of its own
 * @param {string[]} keys
 */
export function toldOf(told, keys) {
  const isKept = (/** @type {string} */ entry) => keys.some((key) => entry === key || entry.startsWith(`${key}/`));
  return Object.fromEntries(Object.entries(told).filter(([entry]) => isKept(entry)));
}

/** @param {Page} page */
export function makeNotices(page) {
  const { texts } = page;
  /** @type {Map<string, number>} */
  const warned = new Map();

  /**
   * Warns of an end that is near, and returns the warning.
   * @param {Session} session
   * @param {number} seconds until the end
   */
  function warn(session, seconds) {
    const due = warningDue(session.warn_minutes, seconds);
    if (due === null) return "";
    const words = filled(texts.ends_soon, { duration: duration(seconds, page.lang) });
    if (warned.get(keyOf(session)) !== due) {
      warned.set(keyOf(session), due);
      page.announce([`${session.display_name}: ${words}`]);
      notify(filled(texts.notice_title, { name: session.display_name }), keyOf(session), due, words);
    }
    return words;
  }

  /**
   * Tells what a user wants to know at once.
   * @param {Session} session
   */
  function tell(session) {
    if (isOver(session)) return;
    const { killed, idle_gpus: idle } = session;
    if (killed) notify(session.display_name, `${keyOf(session)}/killed`, String(killed.number), killed.sentence);
    if (idle?.stops_at) notify(session.display_name, `${keyOf(session)}/idle`, idle.since, page.words.idle(session));
  }

  /**
   * Once for each, whatever the number of tabs and reloads.
   * @param {string} title which session it is, for there may be several
   * @param {string} key
   * @param {string | number} what
   * @param {string} words
   */
  function notify(title, key, what, words) {
    if (!isNotified()) return;
    const told = JSON.parse(window.localStorage.getItem(WARNED) || "{}");
    if (told[key] === what) return;
    window.localStorage.setItem(WARNED, JSON.stringify({ ...toldOf(told, page.sessions.map(keyOf)), [key]: what }));
    new Notification(title, { body: words, tag: `${key}/${what}` });
  }

  function showButton() {
    const button = page.find("notify");
    if (!button || !("Notification" in window) || !window.isSecureContext) return;
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isNotified()));
    write(button, isNotified() ? texts.notified : texts.notify);
  }

  page.find("notify")?.addEventListener("click", async () => {
    if (isNotified()) window.localStorage.removeItem(NOTIFY);
    else if ((await Notification.requestPermission()) === "granted") window.localStorage.setItem(NOTIFY, "yes");
    else page.showError(texts.notify_denied);
    showButton();
  });
  showButton();

  return { warn, tell };
}

/** @typedef {ReturnType<typeof makeNotices>} Notices */
