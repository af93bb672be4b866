// The home page: a card for each server, and what makes another session.

import { arrange, show, within } from "../common/dom.js";
import { filled } from "../common/format.js";
import { byRank, currentOf, isLive, isOver } from "./model.js";

/** @import { Card, makeCards } from "./card.js" */
/** @import { Session } from "./model.js" */
/** @import { Page, Server } from "./page.js" */

/**
 * A server that has never had a session, as one; nothing of the default server, which is always there.
 * @param {Server} server
 * @param {string} user
 * @returns {Session | null}
 */
export function neverStarted(server, user) {
  return server.name ? { ...server, user, id: "", state: "ended", request: {} } : null;
}

/**
 * What the cards show, in their order.
 * @param {Session[]} sessions
 * @param {Server[]} servers
 * @param {string} user
 */
export function shownOf(sessions, servers, user) {
  const found = servers.map((server) => currentOf(sessions, user, server.name) || neverStarted(server, user));
  return found.filter((session) => session !== null).sort(byRank);
}

/**
 * @param {Page} page
 * @param {ReturnType<typeof makeCards>} makeCard
 */
export function makeHome(page, makeCard) {
  const { find, place, texts, me, limit, servers } = page;
  /** @type {Map<string, Card>} */
  const cards = new Map();
  const list = place("cards");
  const rest = place("rest");
  const form = place("new");

  /** @param {Session} session */
  function cardOf(session) {
    const card = cards.get(session.name) || makeCard(session);
    cards.set(session.name, card);
    card.draw(session);
    return card.place;
  }

  function render() {
    for (const session of page.sessions) {
      if (session.user !== me || servers.has(session.name)) continue;
      servers.set(session.name, { name: session.name, display_name: session.display_name, spawn_url: session.spawn_url });
    }
    const shown = shownOf(page.sessions, [...servers.values()], me);
    for (const plain of page.root.querySelectorAll(".sessions-plain")) plain.remove();
    const names = new Set(shown.map((session) => session.name));
    for (const [name, card] of cards) {
      if (names.has(name)) continue;
      card.place.remove();
      cards.delete(name);
    }
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    arrange(list, shown.filter((session) => !isOver(session)).map(cardOf));
    arrange(within(rest, ".sessions-cards"), shown.filter(isOver).map(cardOf));
    rest.hidden = !shown.some(isOver);
    if (focused?.isConnected && focused !== document.activeElement) focused.focus(); // its card has moved
    place("none").hidden = shown.some((session) => !isOver(session));
    showNew();
  }

  // One form makes the default server's session, and those of others where there may be some.
  function showNew() {
    const usesDefault = isLive(page.sessions, me, page.defaultName);
    const start = /** @type {HTMLButtonElement} */ (within(form, "button"));
    if (usesDefault) start.removeAttribute("id");
    else start.id = "start";
    const named = [...servers.keys()].filter(Boolean).length;
    const bound = find("limit");
    if (!bound) {
      form.hidden = usesDefault;
      return;
    }
    const isFull = limit > 0 && named >= limit;
    show(bound, limit > 0 ? filled(isFull ? texts.limit_reached : texts.limit, { number: named, most: limit }) : "");
    const name = place("new-name", HTMLInputElement);
    name.required = usesDefault;
    name.disabled = isFull;
    start.disabled = isFull && usesDefault;
  }

  function tick() {
    for (const card of cards.values()) card.tick();
  }

  /** @param {Session} session */
  function forget(session) {
    servers.delete(session.name);
    page.sessions = page.sessions.filter((entry) => entry.name !== session.name || !isOver(entry));
    page.announce([filled(texts.gone, { name: session.display_name })]);
    /** @type {HTMLElement | null} */ (page.root.querySelector("[data-action]"))?.focus();
  }

  showNew();
  return { render, tick, forget };
}
