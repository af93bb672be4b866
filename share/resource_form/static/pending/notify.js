// What the browser tells of a start that the user does not watch: asked for on this page, or on that of the sessions.

import { write } from "../common/dom.js";

/** @import { Page } from "./page.js" */

const NOTIFY = "resource-form-notify"; // as on the page of the sessions: who wants to be told there wants it here

/** Tells whether the browser may tell the user, and shall. */
export function isNotified() {
  return "Notification" in window && Notification.permission === "granted" && window.localStorage.getItem(NOTIFY) === "yes";
}

/** @param {Page} page */
export function makeNotify(page) {
  const { texts } = page;
  const button = page.place("notify");

  function show() {
    button.hidden = !("Notification" in window) || !window.isSecureContext || page.phase !== "starting";
    button.setAttribute("aria-pressed", String(isNotified()));
    write(button, isNotified() ? texts.notified : texts.notify);
  }

  async function press() {
    page.line("error", "");
    if (isNotified()) window.localStorage.removeItem(NOTIFY);
    else if ((await Notification.requestPermission()) === "granted") window.localStorage.setItem(NOTIFY, "yes");
    else page.line("error", texts.notify_denied);
    show();
  }

  button.addEventListener("click", press);
  show();

  /**
   * Tells how the start came out, unless the user looks at it.
   * @param {string} words
   */
  function tell(words) {
    show();
    if (!isNotified() || (!document.hidden && document.hasFocus())) return;
    new Notification(page.place("name").textContent || page.title, { body: words, tag: `start/${page.user}/${page.server}` });
  }

  return { tell };
}

/** @typedef {ReturnType<typeof makeNotify>} Notify */
