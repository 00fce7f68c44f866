// @ts-check
import { byId } from "./dom.js";

const SECONDS = 7;
const AT_MOST = 3;
const SPOKEN_SECONDS = 1;

/** A few words that everyone sees and hears, and that go away by themselves. @param {string} text */
export function toast(text) {
  const toasts = byId("toasts");
  const item = document.createElement("p");
  item.className = "toast";
  item.textContent = text;
  toasts.append(item);
  while (toasts.children.length > AT_MOST) toasts.firstElementChild?.remove();
  let timer = setTimeout(() => item.remove(), SECONDS * 1000);
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", () => (timer = setTimeout(() => item.remove(), 2000)));
}

/** The same for screen readers alone: what the others see anyway. @param {string} text */
export function announce(text) {
  const announcer = byId("announcer");
  const line = document.createElement("p");
  line.textContent = text;
  announcer.append(line);
  // It has been heard; left there, it would be found by whoever reads through the page.
  setTimeout(() => line.remove(), SPOKEN_SECONDS * 1000);
}
