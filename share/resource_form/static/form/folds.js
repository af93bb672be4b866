// On a phone what most people do not need is folded, so that presets, verdict and Start are one screen.

const NARROW = "(max-width: 575.98px)";

/** @param {HTMLElement} form */
export function foldOnAPhone(form) {
  if (!window.matchMedia(NARROW).matches) return;
  for (const details of /** @type {NodeListOf<HTMLDetailsElement>} */ (form.querySelectorAll("details[data-folds-on-a-phone]"))) {
    if (!details.querySelector("[aria-invalid=true]")) details.open = false;
  }
}

/**
 * Opens what hides a field that something is to be done about.
 * @param {HTMLElement} form
 */
export function unfoldWhatIsWrong(form) {
  for (const wrong of form.querySelectorAll("[aria-invalid=true]")) {
    const details = /** @type {HTMLDetailsElement | null} */ (wrong.closest("details"));
    if (details) details.open = true;
  }
}
