// Dialogs of the browser's own: the keyboard stays in them, Escape closes them, and then the focus is where it was.

import { element, present } from "../common/dom.js";

const LONGEST_WHY = 200;

/** @typedef {(answer: string) => HTMLElement | null} Back what has the focus after an answer: it may have been made anew meanwhile */

/**
 * Opens a dialog, which is gone once it is closed.
 * @param {HTMLElement} root
 * @param {{ title: string, describes?: string, back: Back }} what
 * @param {(Node | null)[]} content
 */
export function openDialog(root, { title, describes, back }, content) {
  const heading = element("h2", { class: "h5", id: "sessions-dialog-title", text: title });
  const dialog = element("dialog", {
    class: "sessions-dialog",
    "aria-labelledby": "sessions-dialog-title",
    "aria-describedby": describes,
  });
  dialog.append(heading, ...present(content));
  dialog.addEventListener("close", () => {
    dialog.remove();
    back(dialog.returnValue)?.focus();
  });
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something that cannot be taken back. Whoever presses Enter at once, or Escape, says no.
 * @param {HTMLElement} root
 * @param {{ title: string, sentences: string[], yes: string, no: string, why?: string, back: Back }} question
 *   `why` asks for a word about it
 * @returns {Promise<{ isYes: boolean, why: string }>}
 */
export function ask(root, { title, sentences, yes, no, why, back }) {
  const said = sentences.filter(Boolean).map((text) => element("p", { text }));
  const text = element("div", { id: "sessions-dialog-text" }, ...said);
  const word = why ? element("input", { class: "form-control", maxlength: LONGEST_WHY, autocomplete: "off" }) : null;
  const label = why ? element("label", { class: "sessions-dialog-why" }, why, word) : null;
  const keep = element("button", { type: "submit", class: "btn btn-outline-secondary", text: no });
  const act = element("button", { type: "submit", class: "btn btn-danger", value: "yes", "data-action": "yes", text: yes });
  const form = element("form", { method: "dialog" }, text, label, element("div", { class: "sessions-dialog-actions" }, keep, act));
  return new Promise((resolve) => {
    const dialog = openDialog(root, { title, describes: "sessions-dialog-text", back }, [form]);
    dialog.addEventListener("close", () => resolve({ isYes: dialog.returnValue === "yes", why: word?.value.trim() || "" }));
    (word || keep).focus();
  });
}
