// @ts-check

/**
 * The element of this id, which the template promises.
 * @template {HTMLElement} [Type=HTMLElement]
 * @param {string} id
 * @returns {Type}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The template lacks #${id}.`);
  return /** @type {Type} */ (element);
}

/**
 * @template {Element} [Type=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {Type}
 */
export function find(parent, selector) {
  const element = parent.querySelector(selector);
  if (!element) throw new Error(`Nothing matches ${selector}.`);
  return /** @type {Type} */ (/** @type {unknown} */ (element));
}

/** @param {Element} element @param {string} text writes only what differs: a live region speaks at every write */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
