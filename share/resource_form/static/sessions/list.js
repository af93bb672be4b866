// One of the lists of sessions, by days, with a filter.

import { arrange, element, show, within, write } from "../common/dom.js";
import { filled } from "../common/format.js";
import { dayInWords } from "../common/moments.js";
import { byDay } from "./days.js";
import { byLatest, keyOf, matches } from "./model.js";
import { makeRows } from "./rows.js";

/** @import { Actions } from "./actions.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */
/** @import { Row } from "./rows.js" */

const ROWS = 50;

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders }} rooms
 */
export function makeList(page, rooms) {
  const { place, texts, kind } = page;
  const makeRow = makeRows(page, rooms);
  /** @type {Map<string, Row>} */
  let rows = new Map();
  /** @type {Map<string, HTMLElement>} */
  let days = new Map();
  let most = ROWS;
  const list = place("days");
  const paging = place("paging");

  /** @param {string} words */
  function newDay(words) {
    const made = element("section", { class: "sessions-day" }, element("h2", { text: words, hidden: !words }));
    made.append(element("div", { class: "sessions-rows" }));
    return made;
  }

  function render() {
    const filter = { text: place("filter-text", HTMLInputElement).value, user: "", state: "" };
    const all = page.sessions.filter((session) => session.kind === kind).sort(byLatest);
    const found = all.filter((session) => matches(session, filter));
    const shown = found.slice(0, most);
    /** @type {Map<string, Row>} */
    const kept = new Map();
    /** @type {Map<string, HTMLElement>} */
    const keptDays = new Map();
    for (const [words, sessions] of byDay(shown, (day) => dayInWords(day, texts))) {
      const day = days.get(words) || newDay(words);
      keptDays.set(words, day);
      const places = sessions.map((session) => {
        const row = rows.get(keyOf(session)) || makeRow(session);
        row.draw(session);
        kept.set(keyOf(session), row);
        return row.place;
      });
      fill(within(day, ".sessions-rows"), places);
    }
    rows = kept;
    days = keptDays;
    fill(list, [...days.values()]);
    show(place("empty"), found.length ? "" : all.length ? texts.none_found : page.none[kind]);
    paging.hidden = found.length <= shown.length;
    write(within(paging, "span"), filled(texts.shown, { shown: shown.length, all: found.length }));
    write(within(paging, "button"), filled(texts.show_more, { number: Math.min(ROWS, found.length - shown.length) }));
  }

  /**
   * @param {Element} where
   * @param {Element[]} wanted
   */
  function fill(where, wanted) {
    const stays = new Set(wanted);
    for (const child of [...where.children]) if (!stays.has(child)) child.remove();
    arrange(where, wanted);
  }

  const form = place("filter");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", render);
  within(paging, "button").addEventListener("click", () => {
    most += ROWS;
    render();
  });

  return { render, tick: () => {} };
}
