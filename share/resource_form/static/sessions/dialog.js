// Dialogs of the browser's own: the keyboard stays in them, Escape closes them, and then the focus is where it was.

import { element, present } from "../common/dom.js";

/**
 * Opens a dialog, which is gone once it is closed.
 * @param {HTMLElement} root
 * @param {{ title: string, describes?: string, back: () => HTMLElement | null }} what `back` is what has the focus afterwards: it may have
 *   been made anew meanwhile
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
    back()?.focus();
  });
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something that cannot be taken back. Whoever presses Enter at once, or Escape, says no.
 * @param {HTMLElement} root
 * @param {{ title: string, sentences: string[], yes: string, no: string, back: () => HTMLElement | null }} question
 * @returns {Promise<boolean>}
 */
export function ask(root, { title, sentences, yes, no, back }) {
  const said = sentences.filter(Boolean).map((text) => element("p", { text }));
  const text = element("div", { id: "sessions-dialog-text" }, ...said);
  const keep = element("button", { type: "submit", class: "btn btn-outline-secondary", text: no });
  const act = element("button", { type: "submit", class: "btn btn-danger", value: "yes", "data-action": "yes", text: yes });
  const form = element("form", { method: "dialog" }, text, element("div", { class: "sessions-dialog-actions" }, keep, act));
  return new Promise((resolve) => {
    const dialog = openDialog(root, { title, describes: "sessions-dialog-text", back }, [form]);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    keep.focus();
  });
}
