// Fetches the page's own content again every few seconds, while somebody looks at it and wants that.
export {};

const WITHIN = 10_000; // milliseconds that an answer may take
const region = the("overview", HTMLElement);
const box = the("refresh", HTMLInputElement);
const said = the("refresh-status", HTMLElement);
const every = Number(region.dataset.every) * 1000;
const address = new URL(location.href);
address.searchParams.set("part", "1");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asked = 0; // counts the questions: only the latest one's answer is shown

for (const hidden of document.querySelectorAll(".videoconf-refresh[hidden]")) hidden.removeAttribute("hidden");
box.addEventListener("change", plan);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
plan();

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function the(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

function plan() {
  clearTimeout(timer);
  if (box.checked && !document.hidden) timer = setTimeout(refresh, every);
}

async function refresh() {
  clearTimeout(timer);
  if (!box.checked) return;
  const mine = ++asked;
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(WITHIN), redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 403) {
      say("You are signed out. Load the page anew to sign in.");
      box.checked = false;
      return;
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const html = await answer.text();
    if (mine !== asked) return;
    show(html);
    say("");
  } catch {
    if (mine !== asked) return;
    say("The server does not answer; what you see may be old.");
  }
  plan();
}

/**
 * Puts the new content in place of the old one, and the focus and the scrolling back to where they were.
 * @param {string} html
 */
function show(html) {
  const active = document.activeElement;
  const focused = active && region.contains(active) ? where(active) : "";
  const scrolled = [...region.querySelectorAll(".videoconf-scroll")].map((table) => ({
    selector: where(table),
    left: table.scrollLeft,
  }));
  const content = new DOMParser().parseFromString(html, "text/html").body;
  region.replaceChildren(...content.childNodes);
  for (const { selector, left } of scrolled) region.querySelector(selector)?.scrollTo({ left });
  const again = focused ? region.querySelector(focused) : null;
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

/**
 * Returns a selector that finds an element again.
 * @param {Element} element
 */
function where(element) {
  const href = element.getAttribute("href");
  const panel = element.closest(".module")?.querySelector("h2")?.id ?? "";
  if (href) return `.module:has(#${CSS.escape(panel)}) a[href="${CSS.escape(href)}"]`;
  return `.videoconf-scroll[aria-labelledby="${CSS.escape(element.getAttribute("aria-labelledby") ?? "")}"]`;
}

/** @param {string} text */
function say(text) {
  if (said.textContent !== text) said.textContent = text;
}
