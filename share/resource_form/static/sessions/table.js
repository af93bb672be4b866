// Everybody's sessions as a table: sorted by its columns, filtered, and several of them stopped at once.

import { arrange, element, present, show, within, write } from "../common/dom.js";
import { duration, filled } from "../common/format.js";
import { clock, moment } from "../common/moments.js";
import { refill } from "./actions.js";
import { CHOICES, choicesOf, isChosen, sorted } from "./columns.js";
import { isOver, keyOf, latest, matches, placeOf, releaseOf, signature, stateOf, toneOf } from "./model.js";
import { makeParts } from "./parts.js";
import { ranFor } from "./rows.js";

/** @import { Actions } from "./actions.js" */
/** @import { Session } from "./model.js" */
/** @import { Orders } from "./orders.js" */
/** @import { Page } from "./page.js" */

const ROWS = 200;

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders, chosen: Set<string>, choose: () => void }} rooms
 */
function makeTableRows(page, { actions, orders, chosen, choose }) {
  const { texts, words, lang, kind } = page;
  const { badge, hasOf } = makeParts(page);

  /** @param {Session} session */
  function timeOf(session) {
    const ran = ranFor(session);
    if (isOver(session)) return ran === null ? texts.never_ran : duration(ran, lang);
    const ends = moment(session.ends);
    return ends ? duration(Math.max(0, (ends.getTime() - Date.now() + page.clockAhead) / 1000), lang) : "";
  }

  /** @param {Session} first */
  return (first) => {
    let drawn = "";
    const key = keyOf(first);
    const tick = element("input", { type: "checkbox", class: "form-check-input" });
    const buttons = element("div", { class: "sessions-actions", role: "group" });
    const attributes = { class: "sessions-table-row", "data-session": key, "data-of": placeOf(first) };
    const place = element("tr", attributes);
    const time = element("td");
    tick.addEventListener("change", () => {
      if (tick.checked) chosen.add(key);
      else chosen.delete(key);
      choose();
    });

    /** @param {Session} session */
    function draw(session) {
      tick.checked = chosen.has(key);
      write(time, timeOf(session));
      const wanted = `${signature(session)}${orders.of(session)}`;
      if (drawn === wanted) return;
      drawn = wanted;
      const { request, display_name: name } = session;
      const when = moment(latest(session));
      tick.setAttribute("aria-label", filled(texts.choose, { name }));
      buttons.setAttribute("aria-label", filled(texts.actions_of, { name }));
      const found = present([actions.shared(session), actions.log(session), actions.stopButton(session)]);
      for (const action of found) action.classList.add("btn-sm");
      refill(buttons, found);
      const cells = [
        element("th", { scope: "row" }, element("bdi", { text: name })),
        element("td", { text: session.user }),
        element("td", { text: request.account }),
        element("td", { text: request.partition }),
        element("td", { text: releaseOf(session) }),
        isOver(session) ? element("td", { text: words.sentence(session) }) : element("td", {}, badge(stateOf(session), toneOf(session))),
        element("td", { text: hasOf(session) }),
        element("td", { text: when ? clock(when, texts) : "" }),
        time,
        element("td", {}, buttons),
      ];
      place.replaceChildren(...(kind === "running" ? [element("td", {}, ...(actions.may("stop", session) ? [tick] : []))] : []), ...cells);
    }

    return { place, draw };
  };
}

/** @typedef {ReturnType<ReturnType<typeof makeTableRows>>} TableRow */

/**
 * @param {Page} page
 * @param {{ actions: Actions, orders: Orders }} rooms
 */
export function makeTable(page, { actions, orders }) {
  const { find, place, texts, kind } = page;
  /** @type {Map<string, TableRow>} */
  let rows = new Map();
  /** @type {Set<string>} */
  const chosen = new Set();
  /** @type {Session[]} */
  let shown = [];
  let most = ROWS;
  let column = "since";
  let isDown = true;
  const makeRow = makeTableRows(page, { actions, orders, chosen, choose: showChosen });
  const table = place("table");
  const paging = place("paging");
  const all = /** @type {HTMLInputElement | null} */ (find("choose-all"));
  const stop = find("stop-chosen");
  const heads = /** @type {HTMLElement[]} */ ([...table.querySelectorAll("th[data-column]")]);
  const valueOf = (/** @type {string} */ name) => /** @type {HTMLInputElement | null} */ (find(`filter-${name}`))?.value || "";

  function render() {
    const ours = page.sessions.filter((session) => session.kind === kind);
    for (const name of Object.keys(CHOICES)) offer(name, choicesOf(ours, name));
    const values = Object.fromEntries(Object.keys(CHOICES).map((name) => [name, valueOf(name)]));
    const text = { text: valueOf("text"), user: valueOf("user"), state: "" };
    const found = sorted(ours.filter((session) => matches(session, text) && isChosen(session, values)), column, isDown);
    shown = found.slice(0, most);
    const keys = new Set(shown.map(keyOf));
    for (const key of chosen) if (!keys.has(key)) chosen.delete(key);
    rows = new Map(shown.map((session) => [keyOf(session), rows.get(keyOf(session)) || makeRow(session)]));
    tick();
    fill([...rows.values()].map((row) => row.place));
    table.hidden = !found.length;
    show(place("empty"), found.length ? "" : ours.length ? texts.none_found : page.none[kind]);
    paging.hidden = found.length <= shown.length;
    write(within(paging, "span"), filled(texts.shown, { shown: shown.length, all: found.length }));
    write(within(paging, "button"), filled(texts.show_more, { number: Math.min(ROWS, found.length - shown.length) }));
    showChosen();
  }

  /** @param {HTMLElement[]} wanted */
  function fill(wanted) {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const body = within(table, "tbody");
    const stays = new Set(/** @type {Element[]} */ (wanted));
    for (const child of [...body.children]) if (!stays.has(child)) child.remove();
    arrange(body, wanted);
    if (focused?.isConnected && focused !== document.activeElement) focused.focus(); // its row has moved
  }

  /**
   * @param {string} name of a filter
   * @param {string[]} values
   */
  function offer(name, values) {
    const select = place(`filter-${name}`, HTMLSelectElement);
    const kept = select.value;
    const wanted = kept && !values.includes(kept) ? [...values, kept] : values;
    if ([...select.options].slice(1).map((option) => option.value).join("\n") === wanted.join("\n")) return;
    const made = wanted.map((value) => element("option", { value, text: name === "state" ? page.states[value] : value }));
    select.replaceChildren(select.options[0], ...made);
    select.value = kept;
  }

  function showChosen() {
    if (!stop || !all) return;
    stop.hidden = !chosen.size;
    write(stop, filled(texts.stop_chosen, { number: chosen.size }));
    const stoppable = shown.filter((session) => actions.may("stop", session)).length;
    all.checked = chosen.size > 0 && chosen.size === stoppable;
    all.indeterminate = chosen.size > 0 && !all.checked;
  }

  function showOrder() {
    for (const head of heads) {
      const isIt = head.dataset.column === column;
      if (isIt) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  for (const head of heads) {
    const button = element("button", { type: "button", class: "sessions-sort", text: head.textContent });
    button.addEventListener("click", () => {
      isDown = head.dataset.column === column ? !isDown : false;
      column = head.dataset.column || "since";
      showOrder();
      render();
    });
    head.replaceChildren(button);
  }
  showOrder();
  const form = place("filter");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", render);
  within(paging, "button").addEventListener("click", () => {
    most += ROWS;
    render();
  });
  if (all) all.hidden = false;
  all?.addEventListener("change", () => {
    for (const session of shown) if (all.checked && actions.may("stop", session)) chosen.add(keyOf(session));
    if (!all.checked) chosen.clear();
    render();
  });
  stop?.addEventListener("click", () => void actions.stopSeveral(shown.filter((session) => chosen.has(keyOf(session)))));

  function tick() {
    for (const session of shown) rows.get(keyOf(session))?.draw(session);
  }

  return { render, tick };
}
