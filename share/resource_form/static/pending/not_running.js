// The page of a session that does not run.

import { showEnded } from "./ended.js";

const root = document.getElementById("resource-form-ended");
if (root) {
  showEnded(root);
  // For tests of the Hub's own, as its pages do.
  Object.assign(window, { _jupyterhub_page_loaded: true });
}
