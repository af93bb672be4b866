// What can be done with a session: links and buttons.

import { element, present } from "../common/dom.js";
import { filled } from "../common/format.js";
import { formLink, safeLink, viewLink } from "./links.js";
import { isLive, isOver } from "./model.js";

/** @import { Hub } from "./hub.js" */
/** @import { Session } from "./model.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

const PLAIN = "btn-outline-secondary";
const DANGER = "btn-outline-danger";
export const MAIN = "btn-jupyter sessions-go";

/**
 * @param {string} words
 * @param {string} href
 * @param {string} name
 * @param {string} [style]
 */
export function link(words, href, name, style = PLAIN) {
  return href ? element("a", { class: `btn ${style}`, href, "data-action": name, text: words }) : null;
}

/**
 * A button; with `off` set it does nothing. It is not disabled: the focus would be lost, and with it where one is.
 * @param {string} words
 * @param {string} name
 * @param {() => void} action
 * @param {{ style?: string, off?: boolean }} [options]
 */
export function button(words, name, action, { style = PLAIN, off = false } = {}) {
  const made = element("button", {
    type: "button",
    class: `btn ${style}`,
    "data-action": name,
    "aria-disabled": off ? "true" : null,
    text: words,
  });
  if (!off) made.addEventListener("click", action);
  return made;
}

/**
 * Fills a place anew; what had the focus has it again.
 * @param {HTMLElement} place
 * @param {HTMLElement[]} children
 */
export function refill(place, children) {
  const active = place.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const focused = active?.dataset.action;
  place.replaceChildren(...children);
  if (!focused) return;
  const again = place.querySelector(`[data-action="${focused}"]`) || place.querySelector("[data-action]");
  /** @type {HTMLElement | null} */ (again)?.focus();
}

/**
 * @param {Page} page
 * @param {Hub} hub
 * @param {Orders} orders
 */
export function makeActions(page, hub, orders) {
  const { texts, base, me, isHome } = page;
  /** @param {string | undefined} address */
  const safe = (address) => safeLink(address, window.location.href);

  /**
   * @param {Session} session
   * @param {boolean} given
   */
  function stopWords(session, given) {
    const waits = session.state === "waiting" || !session.started;
    if (given) return waits && session.state !== "stopping" ? texts.cancelling : texts.stopping;
    if (waits) return texts.cancel;
    return session.held_text && isHome ? filled(texts.stop_gives, { what: session.held_text }) : texts.stop;
  }

  /** @param {Session} session */
  function stopButton(session) {
    const given = orders.of(session) === "stop" || session.state === "stopping";
    const stop = () => orders.give(session, "stop", () => hub.stop(session.user, session.name));
    return button(stopWords(session, given), "stop", stop, { style: DANGER, off: given });
  }

  /** @param {Session} session */
  function againButtons(session) {
    if (session.user !== me || isLive(page.sessions, session.user, session.name)) return [];
    const off = orders.of(session) === "start";
    const { profile: _line, ...request } = session.request;
    const again = () => orders.give(session, "start", () => hub.start(session.user, session.name, request));
    return [
      button(off ? texts.starting : texts.start_again, "again", again, { style: isHome ? MAIN : PLAIN, off }),
      link(texts.edit, formLink(session, window.location.href), "edit"),
    ];
  }

  /** @param {Session} session */
  function runningButtons(session) {
    const { state } = session;
    const opens = session.user === me && state === "running";
    return [
      opens ? link(texts.open, safe(session.url), "open", MAIN) : null,
      state !== "running" && state !== "stopping" ? link(texts.view, safe(viewLink(session, base)), "view") : null,
      stopButton(session),
    ];
  }

  /** @param {Session} session */
  function of(session) {
    const actions = isOver(session) ? againButtons(session) : runningButtons(session);
    return present([...actions, link(texts.log, safe(session.log_url), "log")]);
  }

  /**
   * @param {Session} session
   * @param {() => void} gone what is done once it is gone
   */
  function deleteButton(session, gone) {
    const off = orders.of(session) === "delete";
    const remove = () =>
      orders.give(session, "delete", async () => {
        await hub.remove(me, session.name);
        gone();
      });
    return button(off ? texts.deleting : texts.delete, "delete", remove, { style: DANGER, off });
  }

  /** @param {Session} session */
  const startLink = (session) => present([link(texts.start, session.spawn_url, "start", MAIN)]);

  return { of, deleteButton, startLink };
}

/** @typedef {ReturnType<typeof makeActions>} Actions */
