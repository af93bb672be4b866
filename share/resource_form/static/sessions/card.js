// The card of a server, on the home page.

import { element, show, write } from "../common/dom.js";
import { filled, moment } from "../common/format.js";
import { refill } from "./actions.js";
import { isNew, isOver, signature, stateOf, toneOf } from "./model.js";
import { makeParts, paint, rowsOf } from "./parts.js";

/** @import { Actions } from "./actions.js" */
/** @import { MoreOf } from "./copies.js" */
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
 * @param {HTMLElement} actions
 */
function giveUsualIds(session, actions) {
  for (const action of /** @type {NodeListOf<HTMLElement>} */ (actions.querySelectorAll("[data-action]"))) {
    const usual = USUAL_IDS[action.dataset.action || ""];
    const id = session.name ? `${usual}-${session.name}` : usual;
    const isOfThePage = session.name === "" && usual === "start" && isOver(session); // there it starts another one
    if (usual && !isOfThePage && !actions.querySelector(`#${CSS.escape(id)}`)) action.id = id;
  }
}

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders, notices: Notices, gpus: GpuLines, moreOf: MoreOf, gone: (session: Session) => void }} rooms
 */
export function makeCards(page, { actions, orders, notices, gpus, moreOf, gone }) {
  const { texts, words } = page;
  const { badge, cardFacts } = makeParts(page);

  /** @param {Session} first */
  return (first) => {
    let session = first;
    let drawn = "";
    let state = element("span");
    const title = element("bdi");
    const summary = element("p", { class: "sessions-summary" });
    const sentence = element("p", { class: "sessions-sentence" });
    const idle = element("p", { class: "sessions-idle sessions-warning", hidden: true });
    const left = element("p", { class: "sessions-left", hidden: true });
    const bar = element("progress", { class: "sessions-bar", "aria-label": texts.left_label, hidden: true });
    const facts = element("dl", { class: "sessions-facts" });
    const usedLabel = element("dt");
    const used = element("dd");
    const usedRow = element("div", { hidden: true }, usedLabel, used);
    const gpuPlace = gpus.place();
    const buttons = element("div", { class: "sessions-actions", role: "group" });
    const more = page.hasNamed ? moreOf(() => session) : null;
    const head = element("div", { class: "sessions-card-head" }, element("h2", { class: "h5 sessions-name" }, title), state);
    const parts = [head, summary, sentence, idle, left, bar, facts, gpuPlace, buttons, more];
    const place = element("article", { class: "sessions-card", "data-server": first.name }, ...parts);

    function showState() {
      const tone = isNew(session) ? "plain" : toneOf(session);
      const found = badge(isNew(session) ? "never" : stateOf(session), tone);
      place.dataset.state = session.state;
      place.dataset.tone = tone;
      state.replaceWith(found);
      state = found;
    }

    function showActions() {
      const found = isNew(session) ? actions.startLink(session) : actions.of(session);
      const deletes = session.name && (isNew(session) || isOver(session));
      if (deletes) found.push(actions.deleteButton(session, () => gone(session)));
      buttons.setAttribute("aria-label", filled(texts.actions_of, { name: session.display_name }));
      refill(buttons, found);
      giveUsualIds(session, buttons);
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
      show(summary, session.summary || "");
      show(sentence, session.state === "running" && !session.unknown_since ? "" : words.sentence(session));
      show(idle, words.warnings(session));
      notices.tell(session);
      usedLabel.textContent = isOver(session) ? texts.used_all : texts.used;
      facts.replaceChildren(...(isNew(session) ? [] : rowsOf(cardFacts(session))), usedRow);
      showActions();
      if (more) more.hidden = isNew(session) || session.state === "stopping";
    }

    /** @param {Date | null} ends */
    function showLeft(ends) {
      const seconds = ends ? (ends.getTime() - Date.now() + page.clockAhead) / 1000 : 0;
      const warning = ends && seconds > 0 ? notices.warn(session, seconds) : "";
      const started = moment(session.started);
      show(left, warning || (ends ? words.left(seconds) : ""));
      left.classList.toggle("sessions-warning", Boolean(warning));
      bar.hidden = !(ends && started);
      if (!ends || !started) return;
      bar.max = Math.round((ends.getTime() - started.getTime()) / 1000);
      bar.value = Math.max(0, Math.round(seconds));
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
