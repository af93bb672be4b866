// The list of all sessions, in three parts, with a filter.

import { arrange, element, present, show, within, write } from "../common/dom.js";
import { filled } from "../common/format.js";
import { refill } from "./actions.js";
import { byLatest, isLive, keyOf, matches, placeOf, signature, stateOf, toneOf } from "./model.js";
import { makeParts, paint, rowsOf } from "./parts.js";

/** @import { Actions } from "./actions.js" */
/** @import { GpuLines } from "./gpus.js" */
/** @import { Session } from "./model.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

const ROWS = 50;
const STATES = ["waiting", "starting", "running", "stopping", "unknown", "ended", "failed"];

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders, gpus: GpuLines }} rooms
 */
function makeRows(page, { actions, orders, gpus }) {
  const { texts, words } = page;
  const { badge, rowFacts } = makeParts(page);

  /** @param {Session} session */
  function bodyOf(session) {
    const user = page.everybodys ? element("span", { class: "sessions-user", text: session.user }) : null;
    const title = element("h3", { class: "sessions-name" }, element("bdi", { text: session.display_name }), user);
    const warnings = words.warnings(session);
    const facts = rowFacts(session, words.used(session, page.heardAt));
    return [
      element("div", { class: "sessions-row-head" }, title, badge(stateOf(session), toneOf(session))),
      element("p", { class: "sessions-sentence", text: words.sentence(session) }),
      ...(warnings ? [element("p", { class: "sessions-idle sessions-warning", text: warnings })] : []),
      element("p", { class: "sessions-summary", text: session.summary }),
      element("dl", { class: "sessions-row-facts" }, ...rowsOf(facts)),
    ];
  }

  /** @param {Session} first */
  return (first) => {
    let session = first;
    let drawn = "";
    const body = element("div", { class: "sessions-row-body" });
    const gpuPlace = gpus.place();
    const buttons = element("div", { class: "sessions-actions", role: "group" });
    const attributes = { class: "sessions-row", "data-session": keyOf(first), "data-of": placeOf(first) };
    const place = element("article", attributes, element("div", {}, body, gpuPlace), buttons);

    /** @param {Session} current */
    function draw(current) {
      const wanted = `${signature(current)}${orders.of(current)}${isLive(page.sessions, current.user, current.name)}`;
      session = current;
      if (drawn === wanted) return;
      drawn = wanted;
      paint(place, session.color);
      body.replaceChildren(...bodyOf(session));
      buttons.setAttribute("aria-label", filled(texts.actions_of, { name: session.display_name }));
      const { main, stopButton, log, edit } = actions;
      refill(buttons, present([main(session), stopButton(session), log(session), edit(session)]));
      for (const action of buttons.children) action.classList.add("btn-sm");
    }

    return { place, draw, tick: () => gpus.show(gpuPlace, session) };
  };
}

/** @typedef {ReturnType<ReturnType<typeof makeRows>>} Row */

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders, gpus: GpuLines }} rooms
 */
export function makeList(page, rooms) {
  const { root, find, place, texts } = page;
  const makeRow = makeRows(page, rooms);
  /** @type {Map<string, Row>} */
  let rows = new Map();
  /** @type {Record<string, number>} */
  const most = { running: ROWS, finished: ROWS, others: ROWS };
  const sections = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".sessions-list")]);
  const kindOf = (/** @type {HTMLElement} */ section) => section.dataset.kind || "";
  const valueOf = (/** @type {string} */ name) => /** @type {HTMLInputElement | null} */ (find(name))?.value || "";

  function render() {
    const filter = { text: valueOf("filter-text"), user: valueOf("filter-user"), state: valueOf("filter-state") };
    /** @type {Map<string, Row>} */
    const kept = new Map();
    for (const section of sections) {
      const all = page.sessions.filter((session) => session.kind === kindOf(section)).sort(byLatest);
      const found = all.filter((session) => matches(session, filter));
      const shown = found.slice(0, most[kindOf(section)]);
      for (const session of shown) {
        const row = rows.get(keyOf(session)) || makeRow(session);
        row.draw(session);
        kept.set(keyOf(session), row);
      }
      showRows(section, shown.map((session) => /** @type {Row} */ (kept.get(keyOf(session))).place));
      showNumbers(section, all.length, found.length, shown.length);
    }
    rows = kept;
  }

  /**
   * @param {HTMLElement} section
   * @param {HTMLElement[]} wanted
   */
  function showRows(section, wanted) {
    const list = within(section, ".sessions-rows");
    const stays = new Set(/** @type {Element[]} */ (wanted));
    for (const child of [...list.children]) if (!stays.has(child)) child.remove();
    arrange(list, wanted);
  }

  /**
   * @param {HTMLElement} section
   * @param {number} all
   * @param {number} found
   * @param {number} shown
   */
  function showNumbers(section, all, found, shown) {
    const paging = within(section, ".sessions-paging");
    write(within(root, `[data-number="${kindOf(section)}"]`), String(found));
    show(within(section, ".sessions-empty"), found ? "" : all ? texts.none_found : page.none[kindOf(section)]);
    paging.hidden = found <= shown;
    write(within(paging, "span"), filled(texts.shown, { shown, all: found }));
    write(within(paging, "button"), filled(texts.show_more, { number: Math.min(ROWS, found - shown) }));
  }

  for (const state of STATES) place("filter-state").append(element("option", { value: state, text: page.states[state] }));
  const form = place("filter");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", render);
  for (const section of sections) {
    within(section, ".sessions-paging button").addEventListener("click", () => {
      most[kindOf(section)] += ROWS;
      render();
    });
  }

  function tick() {
    for (const row of rows.values()) row.tick();
  }

  return { render, tick };
}
