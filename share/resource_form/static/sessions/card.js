// The card of a server, on the home page: what can be done, how long it lasts, what it has and how much of it is in use.

import { element, show, write } from "../common/dom.js";
import { filled } from "../common/format.js";
import { moment } from "../common/moments.js";
import { refill } from "./actions.js";
import { makeMenu } from "./menu.js";
import { isNew, isOver, placeOf, signature, stateOf, toneOf } from "./model.js";
import { makeParts, paint, rowsOf } from "./parts.js";

/** @import { Actions } from "./actions.js" */
/** @import { Copies } from "./copies.js" */
/** @import { GpuLines } from "./gpus.js" */
/** @import { Session } from "./model.js" */
/** @import { Notices } from "./notices.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

// The ids that JupyterHub's own home page has: "stop" and "start" of the default server, "stop-NAME" and so on of the others.
const USUAL_IDS = /** @type {Record<string, string>} */ ({
  stop: "stop",
  delete: "delete",
  open: "start",
  view: "start",
  again: "start",
  start: "start",
});

/**
 * @param {Session} session
 * @param {HTMLElement} card
 */
function giveUsualIds(session, card) {
  for (const action of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll("[data-action]"))) {
    const usual = USUAL_IDS[action.dataset.action || ""];
    const id = session.name ? `${usual}-${session.name}` : usual;
    const isOfThePage = session.name === "" && usual === "start" && isOver(session); // there it starts another one
    if (usual && !isOfThePage && !card.querySelector(`#${CSS.escape(id)}`)) action.id = id;
  }
}

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders, notices: Notices, gpus: GpuLines, copies: Copies, gone: (session: Session) => void }} rooms
 */
export function makeCards(page, { actions, orders, notices, gpus, copies, gone }) {
  const { texts, words } = page;
  const { badge, cardFacts, usesOf, until, hasOf } = makeParts(page);

  /** @param {Session} first */
  return (first) => {
    let session = first;
    let drawn = "";
    let state = element("span");
    const title = element("bdi");
    const go = element("span", { class: "sessions-card-main" });
    const menu = makeMenu(filled(texts.actions_of, { name: first.display_name }));
    const heading = element("h2", { class: "h5 sessions-name" }, title);
    const sentence = element("p", { class: "sessions-sentence" });
    const idle = element("p", { class: "sessions-idle sessions-warning", hidden: true });
    const left = element("span", { class: "sessions-left", hidden: true });
    const ends = element("span", { class: "sessions-until", hidden: true });
    const bar = element("progress", { class: "sessions-bar", "aria-label": texts.left_label, hidden: true });
    const time = element("div", { class: "sessions-time" }, left, ends, bar);
    const has = element("p", { class: "sessions-has" });
    const uses = element("div", { class: "sessions-uses" });
    const usedInAll = element("p", { class: "sessions-used", hidden: true });
    const facts = element("dl", { class: "sessions-facts" });
    const usedLabel = element("dt");
    const used = element("dd");
    const usedRow = element("div", { hidden: true }, usedLabel, used);
    const gpuPlace = gpus.place();
    const stop = element("div", { class: "sessions-stop" });
    const buttons = element("div", { class: "sessions-card-go" }, go, menu.fold);
    const called = element("div", { class: "sessions-card-title" }, heading, state);
    const head = element("div", { class: "sessions-card-head" }, called, buttons);
    const foot = element("div", { class: "sessions-card-foot" }, facts, stop);
    const parts = [head, sentence, idle, time, has, usedInAll, uses, gpuPlace, foot];
    const attributes = { class: "sessions-card", "data-server": first.name, "data-of": placeOf(first) };
    const place = element("article", attributes, ...parts);

    function showState() {
      const tone = isNew(session) ? "plain" : toneOf(session);
      const found = badge(isNew(session) ? "never" : stateOf(session), tone);
      place.dataset.state = session.state;
      place.dataset.tone = tone;
      state.replaceWith(found);
      state = found;
    }

    function showActions() {
      const main = actions.main(session);
      const end = actions.stopButton(session);
      const more = actions.more(session, { copies: page.hasNamed ? copies : null, gone: () => gone(session) });
      refill(go, main ? [main] : []);
      refill(stop, end ? [end] : []);
      refill(menu.list, more);
      menu.fold.hidden = !more.length;
      giveUsualIds(session, place);
    }

    /** @param {Session} current */
    function draw(current) {
      const wanted = signature(current) + orders.of(current);
      session = current;
      if (drawn === wanted) return;
      drawn = wanted;
      showState();
      paint(place, session.color);
      write(title, session.display_name);
      menu.name(filled(texts.actions_of, { name: session.display_name }));
      show(sentence, session.state === "running" && !session.unknown_since ? "" : words.sentence(session));
      show(idle, words.warnings(session));
      notices.tell(session);
      show(has, hasOf(session));
      show(usedInAll, words.usedInAll(session));
      uses.replaceChildren(...usesOf(session));
      usedLabel.textContent = isOver(session) ? texts.used_all : texts.used;
      facts.replaceChildren(...(isNew(session) ? [] : rowsOf(cardFacts(session))), usedRow);
      showActions();
    }

    /** @param {Date | null} end */
    function showLeft(end) {
      const seconds = end ? (end.getTime() - Date.now() + page.clockAhead) / 1000 : 0;
      const warning = end && seconds > 0 ? notices.warn(session, seconds) : "";
      const started = moment(session.started);
      show(left, warning || (end ? words.left(seconds) : ""));
      left.classList.toggle("sessions-warning", Boolean(warning));
      time.hidden = left.hidden;
      bar.hidden = !(end && started);
      ends.hidden = !end;
      if (!end || !started) return;
      if (ends.dataset.end !== String(session.ends)) ends.replaceChildren(...until(end));
      ends.dataset.end = String(session.ends);
      bar.max = Math.round((end.getTime() - started.getTime()) / 1000);
      bar.value = Math.max(0, Math.round(seconds));
      bar.classList.toggle("sessions-bar-near", Boolean(warning));
    }

    function tick() {
      gpus.show(gpuPlace, session);
      showLeft(isOver(session) ? null : moment(session.ends));
      const cost = words.used(session, page.heardAt);
      write(used, cost);
      usedRow.hidden = !cost;
    }

    return { place, draw, tick };
  };
}

/** @typedef {ReturnType<ReturnType<typeof makeCards>>} Card */
