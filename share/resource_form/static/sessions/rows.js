// A session as a row: when, what it is called, what it had, for how long it ran, how it ended, and what can be done.

import { element, present } from "../common/dom.js";
import { duration, filled } from "../common/format.js";
import { moment, timeOfDay } from "../common/moments.js";
import { refill } from "./actions.js";
import { makeMenu } from "./menu.js";
import { isLive, isOver, keyOf, latest, placeOf, signature } from "./model.js";
import { makeParts, paint } from "./parts.js";

/** @import { Actions } from "./actions.js" */
/** @import { Session } from "./model.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

/**
 * For how many seconds a session has run that is over; null where it has not come to that.
 * @param {Pick<Session, "started" | "ended">} session
 */
export function ranFor({ started, ended }) {
  const [from, to] = [moment(started), moment(ended)];
  return from && to && to > from ? (to.getTime() - from.getTime()) / 1000 : null;
}

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders }} rooms
 */
export function makeRows(page, { actions, orders }) {
  const { texts, words, lang } = page;
  const { hasOf } = makeParts(page);

  /** @param {Session} session */
  function ran(session) {
    const seconds = ranFor(session);
    if (seconds !== null) return duration(seconds, lang);
    return isOver(session) ? texts.never_ran : "";
  }

  /** @param {Session} session */
  function partsOf(session) {
    const when = moment(latest(session));
    const time = when ? element("time", { datetime: when.toISOString(), text: timeOfDay(when) }) : null;
    return [
      element("span", { class: "sessions-row-time" }, time),
      element("h3", { class: "sessions-name" }, element("bdi", { text: session.display_name })),
      element("span", { class: "sessions-row-has", text: hasOf({ ...session, node: "" }) }),
      element("span", { class: "sessions-row-ran", text: ran(session) }),
      element("p", { class: "sessions-sentence", text: words.sentence(session) }),
    ];
  }

  /** @param {Session} first */
  return (first) => {
    let drawn = "";
    const menu = makeMenu("");
    const buttons = element("div", { class: "sessions-actions", role: "group" });
    const attributes = { class: "sessions-row", "data-session": keyOf(first), "data-of": placeOf(first) };
    const place = element("article", attributes);

    /** @param {Session} session */
    function draw(session) {
      const wanted = `${signature(session)}${orders.of(session)}${isLive(page.sessions, session.user, session.name)}`;
      if (drawn === wanted) return;
      drawn = wanted;
      paint(place, session.color);
      const label = filled(texts.actions_of, { name: session.display_name });
      buttons.setAttribute("aria-label", label);
      menu.name(label);
      const edit = actions.edit(session);
      const found = present([actions.log(session), actions.stopButton(session), actions.main(session, "btn-outline-secondary")]);
      refill(menu.list, edit ? [edit] : []);
      refill(buttons, edit ? [...found, menu.fold] : found);
      for (const action of [...found, ...menu.fold.children]) if (action.matches(".btn")) action.classList.add("btn-sm");
      const used = words.usedInAll(session);
      const below = used ? [element("p", { class: "sessions-used", text: used })] : [];
      place.replaceChildren(...partsOf(session), buttons, ...below);
    }

    return { place, draw };
  };
}

/** @typedef {ReturnType<ReturnType<typeof makeRows>>} Row */
