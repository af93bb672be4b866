// The help beside the price, which form.css shows while the pointer or the keyboard is on it.

const HINT = ".resource-form-hint";
const CLOSED = "resource-form-hint-closed";

/**
 * Lets Escape close the help without moving pointer or keyboard, until both have been elsewhere (WCAG 2.1, 1.4.13). The mark is the
 * panel's: what stands in it is replaced with each answer of the Hub.
 * @param {HTMLElement} panel
 */
export function closeOnEscape(panel) {
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && panel.querySelector(`${HINT}:is(:hover, :focus-within)`)) panel.classList.add(CLOSED);
  });
  for (const event of ["pointermove", "focusin"]) {
    document.addEventListener(event, ({ target }) => {
      if (!(target instanceof Element && target.closest(HINT))) panel.classList.remove(CLOSED);
    });
  }
}

/**
 * Replaces what stands in the panel, and leaves the keyboard on the price where it was there.
 * @param {HTMLElement} panel
 * @param {Element} decision
 */
export function replaceAround(panel, decision) {
  const isOnPrice = document.activeElement?.closest(HINT) && panel.contains(document.activeElement);
  panel.replaceChildren(decision);
  if (isOnPrice) /** @type {HTMLElement | null} */ (panel.querySelector(`${HINT} > button`))?.focus();
}
