// @ts-check
import { byId } from "./dom.js";

/**
 * Asks once; the button that does it repeats what it does. The focus goes back to where it was.
 * @param {{title: string, detail: string, action: string}} question
 * @param {AbortSignal} [signal] the question no longer makes sense
 * @returns {Promise<boolean>}
 */
export function confirmAction({ title, detail, action }, signal) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("confirm"));
  byId("confirm-title").textContent = title;
  byId("confirm-detail").textContent = detail;
  byId("confirm-action").textContent = action;
  const closed = new AbortController();
  return new Promise((resolve) => {
    const once = { signal: closed.signal };
    byId("confirm-cancel").addEventListener("click", () => dialog.close(), once);
    byId("confirm-action").addEventListener("click", () => dialog.close("yes"), once);
    signal?.addEventListener("abort", () => dialog.close(), once);
    dialog.addEventListener(
      "close",
      () => {
        closed.abort();
        resolve(dialog.returnValue === "yes");
      },
      once,
    );
    dialog.returnValue = "";
    dialog.showModal();
    byId("confirm-cancel").focus();
  });
}

/** Opens a dialog that a click beside it, Escape or its own button closes. @param {HTMLDialogElement} dialog */
export function openDialog(dialog) {
  const closed = new AbortController();
  const once = { signal: closed.signal };
  dialog.addEventListener(
    "click",
    ({ target }) => {
      if (target === dialog || /** @type {Element} */ (target).closest("[data-close]")) dialog.close();
    },
    once,
  );
  dialog.addEventListener("close", () => closed.abort(), once);
  dialog.showModal();
}
