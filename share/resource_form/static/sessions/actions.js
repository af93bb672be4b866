// What can be done with a session: links and buttons.

import { element, present } from "../common/dom.js";
import { duration, filled } from "../common/format.js";
import { moment } from "../common/moments.js";
import { ask } from "./dialog.js";
import { copyLink, formLink, safeLink, viewLink } from "./links.js";
import { calledBy, isLive, isNew, isOver, placeOf, reaches } from "./model.js";

/** @import { Copies } from "./copies.js" */
/** @import { Hub } from "./hub.js" */
/** @import { Session } from "./model.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

const PLAIN = "btn-outline-secondary";
const DANGER = "btn-outline-danger";
const MAIN = "btn-jupyter sessions-go";

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
  const { root, texts, base, me } = page;
  /** @param {string | undefined} address */
  const safe = (address) => safeLink(address, window.location.href);
  /**
   * Whether this may be done: one's own sessions say so themselves, of others' the page knows whose.
   * @param {"open" | "stop" | "log"} what
   * @param {Session} session
   */
  function may(what, session) {
    const reach = page.reach[what];
    if (session.user === me || !reach) return true;
    return reaches(reach, session);
  }

  /** @param {Session} session */
  const waits = (session) => session.state === "waiting" || !session.started;

  /**
   * What has the focus once a dialog about a session is closed: by then it may have been made anew.
   * @param {Session} session
   * @param {string} selector
   * @returns {() => HTMLElement | null}
   */
  const within = (session, selector) => () => root.querySelector(`[data-of="${CSS.escape(placeOf(session))}"] ${selector}`);

  /** @param {Session} session */
  function leftOf({ ends }) {
    const seconds = ((moment(ends)?.getTime() ?? 0) - Date.now() + page.clockAhead) / 1000;
    return seconds > 0 ? filled(texts.ask_left, { duration: duration(seconds, page.lang) }) : "";
  }

  /** @param {Session} session */
  async function stop(session) {
    const held = session.held_text || "";
    const { isYes, why } = await ask(root, {
      title: filled(waits(session) ? texts.ask_cancel : texts.ask_stop, { name: session.display_name }),
      sentences: waits(session)
        ? [texts.ask_place]
        : [texts.ask_unsaved, held && filled(texts.ask_held, { what: held }), leftOf(session)],
      yes: waits(session) ? texts.ask_cancel_yes : texts.ask_stop_yes,
      no: waits(session) ? texts.ask_cancel_no : texts.ask_stop_no,
      why: session.user === me ? "" : filled(texts.ask_why, { name: session.user }),
      back: within(session, '[data-action="stop"]'),
    });
    if (isYes) orders.give(session, "stop", () => hub.stop(session.user, session.name, why));
  }

  /**
   * Stops several sessions, with one question and one word for all.
   * @param {Session[]} sessions
   */
  async function stopSeveral(sessions) {
    const names = sessions.map(({ display_name: name, user }) => `${name} (${user})`);
    const { isYes, why } = await ask(root, {
      title: filled(texts.ask_several, { number: sessions.length }),
      sentences: [names.join(", "), texts.ask_unsaved],
      yes: texts.ask_several_yes,
      no: texts.ask_several_no,
      why: texts.ask_why_all,
      // Of those that are stopped none is chosen any more, and the button is gone.
      back: (answer) => root.querySelector(answer === "yes" ? "#sessions-choose-all" : "#sessions-stop-chosen"),
    });
    if (!isYes) return;
    for (const session of sessions) orders.give(session, "stop", () => hub.stop(session.user, session.name, why));
  }

  /**
   * Stop, or Cancel of what has not begun; nothing of a session that is over.
   * @param {Session} session
   */
  function stopButton(session) {
    if (isOver(session) || !may("stop", session)) return null;
    const given = orders.of(session) === "stop" || session.state === "stopping";
    const ordered = waits(session) && session.state !== "stopping" ? texts.cancelling : texts.stopping;
    const words = given ? ordered : waits(session) ? texts.cancel : texts.stop;
    return button(words, "stop", () => void stop(session), { style: `btn-sm ${DANGER}`, off: given });
  }

  /**
   * @param {Session} session
   * @param {string} style
   */
  function againButton(session, style) {
    if (session.user !== me || isLive(page.sessions, session.user, session.name)) return null;
    const off = orders.of(session) === "start";
    const { profile: _line, ...request } = session.request;
    const again = () => orders.give(session, "start", () => hub.start(session.user, session.name, request));
    return button(off ? texts.starting : texts.start_again, "again", again, { style, off });
  }

  /**
   * The one thing that most people want of a session.
   * @param {Session} session
   * @param {string} [style]
   */
  function main(session, style = MAIN) {
    if (isNew(session)) return link(texts.start, session.spawn_url, "start", style);
    if (isOver(session)) return againButton(session, style);
    if (session.state === "stopping") return null;
    if (session.state !== "running") return link(texts.view, safe(viewLink(session, base)), "view", style);
    return session.user === me ? link(texts.open, safe(session.url), "open", style) : null;
  }

  /** @param {Session} session */
  const log = (session) => (may("log", session) ? link(texts.log, safe(session.log_url), "log") : null);

  /**
   * The way into a session that somebody shares; who may open everybody's is no guest of theirs.
   * @param {Session} session
   */
  function shared(session) {
    const isGuest = session.user !== me && page.reach.open?.users && may("open", session);
    return isGuest && session.state === "running" ? link(texts.open, safe(session.url), "open") : null;
  }

  /** @param {Session} session */
  function edit(session) {
    if (!isOver(session) || isNew(session) || session.user !== me) return null;
    return isLive(page.sessions, me, session.name) ? null : link(texts.edit, formLink(session, window.location.href), "edit");
  }

  /**
   * @param {Session} session
   * @param {() => void} gone what is done once it is gone
   */
  function deleteButton(session, gone) {
    if (!session.name || !(isNew(session) || isOver(session))) return null;
    const off = orders.of(session) === "delete";
    const remove = () =>
      orders.give(session, "delete", async () => {
        await hub.remove(me, session.name);
        gone();
      });
    return button(off ? texts.deleting : texts.delete, "delete", remove, { style: DANGER, off });
  }

  /**
   * What stands behind the dots of a card.
   * @param {Session} session
   * @param {{ copies: Copies | null, gone: () => void }} rooms
   */
  function more(session, { copies, gone }) {
    const back = within(session, "summary");
    const copied = copies && !isNew(session) && session.state !== "stopping";
    const copy = copied ? copyLink(session, calledBy(session) || " ", window.location.href, base) : "";
    const several = copied ? button(texts.several, "several", () => copies(session, back)) : null;
    // Only the owner may open what runs in a session.
    const apps = session.user === me ? session.apps || [] : [];
    const opened = apps.map(({ name, label, url }) => link(filled(texts.open_app, { app: label }), safe(url), `app-${name}`));
    return present([...opened, log(session), edit(session), link(texts.clone, copy, "clone"), several, deleteButton(session, gone)]);
  }

  return { main, may, shared, stopButton, stopSeveral, log, edit, more };
}

/** @typedef {ReturnType<typeof makeActions>} Actions */
