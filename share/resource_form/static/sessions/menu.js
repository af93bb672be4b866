// What is done more seldom, behind "⋯": a fold that the keyboard opens, and that closes by itself.

import { element } from "../common/dom.js";

/** @param {string} label what a screen reader says of it */
export function makeMenu(label) {
  const dots = element("span", { "aria-hidden": "true", text: "⋯" });
  const words = element("span", { class: "visually-hidden", text: label });
  const summary = element("summary", { class: "btn btn-outline-secondary" }, dots, words);
  const list = element("div", { class: "sessions-menu-list", role: "group", "aria-label": label });
  const fold = element("details", { class: "sessions-menu" }, summary, list);
  const close = () => fold.removeAttribute("open");

  fold.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !fold.open) return;
    close();
    summary.focus();
  });
  fold.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !fold.contains(/** @type {Node} */ (relatedTarget))) close();
  });
  /** @param {Event} event */
  function closeFrom({ target }) {
    if (!fold.contains(/** @type {Node} */ (target))) close();
  }
  fold.addEventListener("toggle", () => {
    if (fold.open) document.addEventListener("pointerdown", closeFrom);
    else document.removeEventListener("pointerdown", closeFrom);
  });
  list.addEventListener("click", close);
  /** @param {string} name */
  function called(name) {
    words.textContent = name;
    list.setAttribute("aria-label", name);
  }

  return { fold, list, name: called };
}
